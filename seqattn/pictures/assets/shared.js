// What pages of attention share: figures, elements, and the choice of layers and heads.
"use strict";

const LEAST = 0.01; // weight that is shown

const data = JSON.parse(document.getElementById("weights").textContent);
const { runs, pairs } = data;

const percent = (weight, digits = 0) => `${(100 * weight).toFixed(digits)}\u00a0%`;
const step = (weight) => `w${Math.round(data.steps * weight)}`;
const sum = (values) => values.reduce((total, value) => total + value, 0);

function element(name, properties = {}, ...children) {
  const made = Object.assign(document.createElement(name), properties);
  made.append(...children);
  return made;
}

function shape(name, attributes) {
  const made = document.createElementNS("http://www.w3.org/2000/svg", name);
  for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
  return made;
}

// A description of a reading, as in the page.
function described(run, [layer, head]) {
  const parts = [run.place, run.layers > 1 && `layer ${layer}`];
  if (run.heads > 1) parts.push(head ? `head ${head}` : `mean of ${run.heads} heads`);
  return [...parts, run.step].filter(Boolean).join(", ");
}

// The weights (rows, columns) that are chosen of a run for a pair; head 0 is the mean of all.
function chosenWeights(run, embedded, rows, columns) {
  const [layer, chosen] = run.shown;
  const heads = chosen ? [chosen] : Array.from({ length: run.heads }, (_, index) => index + 1);
  const starts = heads.map((head) => ((layer - 1) * run.heads + head - 1) * rows * columns);
  const read = (at) => sum(starts.map((start) => embedded[start + at])) / starts.length / data.whole;
  return Array.from({ length: rows }, (_, t) => Array.from({ length: columns }, (_, s) => read(t * columns + s)));
}

// A choice of the layers and heads of a run, or null if it has one; `changed` is called after a choice.
function readingChoice(run, name, changed) {
  const heads = run.heads > 1 ? [...Array(run.heads + 1).keys()] : [0];
  const readings = [...Array(run.layers).keys()].flatMap((layer) => heads.map((head) => [layer + 1, head]));
  if (readings.length < 2) return null;
  const options = readings.map((reading) => {
    const own = String(reading) === String(run.own) ? " ★ the run's own" : "";
    return new Option(described(run, reading) + own, reading, false, String(reading) === String(run.shown));
  });
  const select = element("select", {}, ...options);
  select.addEventListener("change", () => {
    run.shown = readings[select.selectedIndex];
    changed();
  });
  return element("label", {}, name, select);
}
