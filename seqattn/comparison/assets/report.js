// The page can be read without this script. It sorts tables, reads values off curves, and searches the sentences.
"use strict";

const PAGE = 25; // sentences at a time
const SVG = "http://www.w3.org/2000/svg";

const data = JSON.parse(document.getElementById("data").textContent);
const { systems, charts, rows, sources, references } = data;

const sum = (values) => values.reduce((total, value) => total + value, 0);
const mean = (values) => sum(values) / values.length;
const nearest = (values, wanted) =>
  values.reduce((best, value, at) => (Math.abs(value - wanted) < Math.abs(values[best] - wanted) ? at : best), 0);
const counted = (number) => number.toLocaleString("en");

function element(name, properties = {}, ...children) {
  const made = Object.assign(document.createElement(name), properties);
  made.append(...children);
  return made;
}

function shape(name, attributes, ...children) {
  const made = document.createElementNS(SVG, name);
  for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
  made.append(...children);
  return made;
}

// A system's name after its mark, as in the page.
function named(at) {
  const use = shape("use", { href: `#mark${at % data.marks}` });
  const attributes = { class: `key s${at % data.hues}`, viewBox: "-6 -6 12 12", "aria-hidden": "true" };
  const name = element("span", { textContent: systems[at].name });
  return element("span", { className: "named" }, shape("svg", attributes, use), name);
}

// A labelled choice; `options` are pairs of a value and its words.
function choice(words, options, react) {
  const select = element("select", {}, ...options.map(([value, name]) => new Option(name, value)));
  select.addEventListener("change", react);
  return { select, label: element("label", {}, words, select) };
}

// Tables: every heading becomes a button that sorts by its column.

function sortBy(heading) {
  const table = heading.closest("table");
  const column = heading.cellIndex;
  const cells = (row) => row.cells[column];
  const numbers = [...table.tBodies[0].rows].some((row) => cells(row).dataset.number !== undefined);
  const first = numbers ? "descending" : "ascending";
  const second = numbers ? "ascending" : "descending";
  const order = heading.getAttribute("aria-sort") === first ? second : first;
  const sign = order === "ascending" ? 1 : -1;
  const missing = (row) => numbers && cells(row).dataset.number === undefined;
  const compare = (one, other) =>
    missing(one) || missing(other)
      ? missing(one) - missing(other)
      : sign *
        (numbers
          ? cells(one).dataset.number - cells(other).dataset.number
          : cells(one).textContent.localeCompare(cells(other).textContent));
  for (const each of table.tHead.rows[0].cells) each.removeAttribute("aria-sort");
  heading.setAttribute("aria-sort", order);
  table.tBodies[0].append(...[...table.tBodies[0].rows].sort(compare));
}

for (const heading of document.querySelectorAll(".sortable thead th")) {
  const button = element("button", { type: "button" }, ...heading.childNodes);
  button.addEventListener("click", () => sortBy(heading));
  heading.append(button);
}

// Curves: one chart at a time, whose values are read off by pointer or arrow keys.

class Curves {
  constructor(place) {
    this.figures = [...place.querySelectorAll(".chart")];
    this.said = document.getElementById("read");
    this.boxes = [...document.querySelectorAll(".legend input")];
    this.position = new Map();
    const names = (field) => [...new Set(charts.map((chart) => chart[field]))].map((name) => [name, name]);
    const show = () => this.show();
    this.metric = choice("Score", names("metric"), show);
    this.axis = choice("Against", names("axis"), show);
    document.getElementById("chart-choices").append(this.metric.label, this.axis.label);
    place.classList.add("one");
    for (const box of this.boxes) {
      box.hidden = false;
      box.addEventListener("change", show);
    }
    this.figures.forEach((figure, at) => this.#prepare(figure.querySelector(".plot"), charts[at]));
    this.show();
  }

  get shown() {
    return charts.findIndex(
      (chart) => chart.metric === this.metric.select.value && chart.axis === this.axis.select.value,
    );
  }

  #hidden(system) {
    return this.boxes.some((box) => +box.dataset.system === system && !box.checked);
  }

  #prepare(plot, chart) {
    const area = plot.querySelector(".area");
    chart.cursor = shape("g", {});
    area.append(chart.cursor);
    plot.setAttribute("role", "slider");
    plot.tabIndex = 0;
    plot.addEventListener("keydown", (event) => this.#key(event, chart));
    plot.addEventListener("focus", () => this.read(this.position.get(chart) ?? this.#positions(chart).length - 1));
    const point = (event) => {
      const { left, width } = area.getBoundingClientRect();
      const [from, to] = chart.across;
      this.read(nearest(this.#positions(chart), from + ((to - from) * (event.clientX - left)) / width));
    };
    plot.addEventListener("pointermove", point);
    plot.addEventListener("pointerdown", point);
  }

  // Where any system that is shown was validated.
  #positions(chart) {
    const lines = chart.lines.filter((_, system) => !this.#hidden(system));
    return [...new Set(lines.flat().map(([x]) => x))].sort((one, other) => one - other);
  }

  #key(event, chart) {
    const last = this.#positions(chart).length - 1;
    const at = this.position.get(chart) ?? last;
    const next = { ArrowLeft: at - 1, ArrowDown: at - 1, ArrowRight: at + 1, ArrowUp: at + 1, Home: 0, End: last };
    if (next[event.key] === undefined) return;
    event.preventDefault();
    this.read(Math.min(Math.max(next[event.key], 0), last));
  }

  show() {
    this.figures.forEach((figure, at) => (figure.hidden = at !== this.shown));
    for (const group of document.querySelectorAll(".plot [data-system]"))
      group.classList.toggle("off", this.#hidden(+group.dataset.system));
    for (const chart of charts) chart.cursor.replaceChildren();
    this.position.clear();
    this.said.textContent = "Point at the chart, or move along it with the arrow keys, to read values off.";
    const plot = this.figures[this.shown].querySelector(".plot");
    plot.setAttribute("aria-valuemin", 0);
    plot.setAttribute("aria-valuemax", Math.max(0, this.#positions(charts[this.shown]).length - 1));
    plot.setAttribute("aria-valuenow", 0);
  }

  // Mark and say the values at a position.
  read(at) {
    const chart = charts[this.shown];
    const x = this.#positions(chart)[at];
    if (x === undefined) return;
    this.position.set(chart, at);
    const [[left, right], [bottom, top]] = [chart.across, chart.up];
    const across = (value) => `${(100 * (value - left)) / (right - left)}%`;
    const up = (value) => `${(100 * (top - value)) / (top - bottom)}%`;
    const number = (value) => counted(Math.round(100 * value) / 100);
    const line = shape("line", { class: "cursor", x1: across(x), x2: across(x), y2: "100%" });
    chart.cursor.replaceChildren(line);
    const where = chart.axis === "updates" ? `Update ${number(x)}` : `${number(x)} minutes`;
    const said = [where];
    chart.lines.forEach((readings, system) => {
      if (!readings.length || this.#hidden(system)) return;
      const [nearby, value, low, high] = readings[nearest(readings.map(([each]) => each), x)];
      const ring = { class: `ring s${system % data.hues}`, cx: across(nearby), cy: up(value), r: 7 };
      chart.cursor.append(shape("circle", ring));
      const digits = chart.metric === "loss" ? 3 : 2;
      const range = low < high ? ` (${low.toFixed(digits)} to ${high.toFixed(digits)})` : "";
      const elsewhere = nearby === x ? "" : ` at ${number(nearby)}`;
      said.push(" · ", named(system), ` ${value.toFixed(digits)}${range}${elsewhere}`);
    });
    this.said.replaceChildren(...said);
    const plot = this.figures[this.shown].querySelector(".plot");
    plot.setAttribute("aria-valuenow", at);
    plot.setAttribute("aria-valuetext", where);
  }
}

const drawn = document.querySelector(".charts");
if (drawn) new Curves(drawn);

// N-grams: one pair of systems at a time.

const pairs = systems.flatMap((_, first) => systems.slice(first + 1).map((_, at) => [first, first + 1 + at]));
const both = ([first, second]) => `${systems[first].name} and ${systems[second].name}`;
const ofPairs = pairs.map((pair, at) => [at, both(pair)]);
const differing = [...document.querySelectorAll(".pair")];
if (differing.length > 1) {
  const show = () => differing.forEach((one, at) => one.classList.toggle("off", at !== select.selectedIndex));
  const { select, label } = choice("Systems", ofPairs, show);
  differing[0].before(element("div", { className: "controls" }, label));
  show();
}

// Attention as a table, like the pages of `seqattn align`.

function unpacked(text) {
  const found = [];
  for (let at = 0; at < text.length; at++) {
    const percent = data.percents.indexOf(text[at]);
    if (percent) found.push(percent);
    else found.push(...Array(data.percents.indexOf(text[++at])).fill(0));
  }
  return found;
}

function rightToLeft(words) {
  const text = words.join("");
  const letters = (pattern) => (text.match(pattern) ?? []).length;
  return 2 * letters(/[\u0590-\u08ff\ufb1d-\ufdff\ufe70-\ufefc]/g) > letters(/\p{L}/gu);
}

// Weights, target words and source words: those that the texts have are not in the data.
function wordsOf(system, at) {
  const [weights, target, source] = systems[system].attention[at];
  const translated = systems[system].members[0].parts[at].join("");
  return [weights, target ?? translated.split(" "), source ?? [...sources[at].split(" "), "</s>"]];
}

function attentionTable(system, at) {
  const [weights, target, source] = wordsOf(system, at);
  const percents = unpacked(weights);
  const heading = (scope, word) => element("th", { scope }, element("bdi", { textContent: word, title: word }));
  const cell = (percent) =>
    element("td", { className: `w${Math.round((data.steps * percent) / 100)}`, textContent: percent });
  const body = target.map((word, row) => {
    const values = percents.slice(row * source.length, (row + 1) * source.length);
    return element("tr", {}, heading("row", word), ...values.map(cell));
  });
  const name = `${systems[system].name}, ${systems[system].members[0].name}`;
  const caption = `Percent of the attention of target words (rows) to source words (columns): ${name}`;
  const table = element(
    "table",
    { className: "attention", lang: "", dir: rightToLeft(source) ? "rtl" : "ltr" },
    element("caption", { lang: "en", textContent: caption }),
    element("thead", {}, element("tr", {}, element("td"), ...source.map((word) => heading("col", word)))),
    element("tbody", {}, ...body),
  );
  const region = { className: "scroll", tabIndex: 0, role: "region", ariaLabel: `Attention of ${name}, sentence ${rows[at] + 1}` };
  return element("div", region, table);
}

// One sentence of the test set, `at` in the data.

function text(...children) {
  return element("span", { className: "text", lang: "", dir: "auto" }, ...children);
}

function line(role, content, ...figures) {
  return element("div", { className: "line" }, element("span", { className: "role" }, ...role), content, ...figures);
}

function translation(role, member, at, chrf = member.chrf[at]) {
  const parts = member.parts[at].map((part, lacking) => (lacking % 2 ? element("mark", {}, part) : part));
  const figure = element("span", { className: "chrf" }, chrf.toFixed(1));
  if (member.exact[at] === "1")
    figure.append(" ", element("span", { role: "img", ariaLabel: "exact match", textContent: "✓" }));
  return line(role, text(...(parts.length ? parts : ["∅"])), figure);
}

function folded(summary, make) {
  const details = element("details", {}, element("summary", {}, ...summary));
  details.addEventListener("toggle", () => details.children.length > 1 || details.append(...make()));
  return details;
}

function ofSystem(system, at) {
  const { members, attention } = systems[system];
  const shown = translation([named(system)], members[0], at, chrf(system, at));
  const more = [];
  if (attention?.[at]) more.push(folded(["Attention"], () => [attentionTable(system, at)]));
  if (members.length > 1) {
    const each = () => members.map((member) => translation([member.name], member, at));
    more.push(folded([`All ${members.length} models`], each));
  }
  if (more.length) shown.append(element("div", { className: "more folded" }, ...more));
  return shown;
}

function sentence(at) {
  return element(
    "article",
    { className: "sentence" },
    element("h3", { textContent: `Sentence ${counted(rows[at] + 1)}` }),
    line(["source"], text(sources[at])),
    line(["reference"], text(references[at])),
    ...systems.map((_, system) => ofSystem(system, at)),
  );
}

const chrf = (system, at) => mean(systems[system].members.map((member) => member.chrf[at]));
const folding = (string) => string.normalize("NFC").toLowerCase();

// The sentences: searched, filtered, sorted, and shown in pages.

class Sentences {
  constructor(place) {
    this.place = place;
    this.page = 0;
    this.texts = rows.map((_, at) => {
      const members = systems.flatMap((system) => system.members);
      return folding([sources[at], references[at], ...members.map((one) => one.parts[at].join(""))].join("\n"));
    });
    const lengths = sources.map((source) => source.length).sort((one, other) => one - other);
    const third = (part) => lengths[Math.floor((part * (lengths.length - 1)) / 3)];
    this.thirds = { short: [0, third(1)], middle: [third(1) + 1, third(2)], long: [third(2) + 1, Infinity] };
    this.#build();
    this.update();
  }

  #build() {
    const update = () => this.update();
    this.search = element("input", { type: "search", autocomplete: "off", spellcheck: false });
    this.search.addEventListener("input", update);
    this.pair = choice("Compare", ofPairs, () => this.#choosePair());
    this.filter = choice("Show", [["all", "all sentences"]], update);
    const thirds = [["short", "shortest third"], ["middle", "middle third"], ["long", "longest third"]];
    this.length = choice("Length of the source", [["", "any"], ...thirds], update);
    const orders = [["test", "order of the test set"], ["chrf", "lowest chrF first"]];
    if (pairs.length) orders.unshift(["difference", "largest difference first"]);
    this.order = choice("Sort by", orders, update);
    this.pair.label.hidden = pairs.length < 2;
    this.filter.label.hidden = !pairs.length;
    const searched = element("label", {}, "Search all texts", this.search);
    const choices = [this.pair, this.filter, this.length, this.order].map(({ label }) => label);
    this.count = element("p", { className: "count", role: "status", tabIndex: -1 });
    this.list = element("div");
    this.previous = element("button", { type: "button", textContent: "Previous" });
    this.next = element("button", { type: "button", textContent: "Next" });
    this.pages = element("span");
    this.previous.addEventListener("click", () => this.#turn(-1));
    this.next.addEventListener("click", () => this.#turn(1));
    this.paging = element("nav", { className: "paging", ariaLabel: "Pages of sentences" });
    this.paging.append(this.previous, this.pages, this.next);
    this.place.append(element("div", { className: "controls" }, searched, ...choices));
    this.place.append(this.count, this.list, this.paging);
    if (pairs.length) this.#choosePair();
  }

  #choosePair() {
    const [first, second] = pairs[this.pair.select.selectedIndex].map((at) => systems[at].name);
    const options = [
      ["all", "all sentences"],
      ["differ", "where their translations differ"],
      ["first", `where ${first} is better`],
      ["second", `where ${second} is better`],
    ];
    const chosen = this.filter.select.value;
    this.filter.select.replaceChildren(...options.map(([value, name]) => new Option(name, value)));
    this.filter.select.value = chosen;
    this.update();
  }

  // How much better the first system of the pair is than the second.
  #gain(at) {
    if (!pairs.length) return 0;
    const [first, second] = pairs[this.pair.select.selectedIndex];
    return chrf(first, at) - chrf(second, at);
  }

  #differ(at) {
    const [one, other] = pairs[this.pair.select.selectedIndex].map((system) => systems[system].members[0].parts[at]);
    return one.join("") !== other.join("");
  }

  #fits(at) {
    const { value } = this.filter.select;
    const fits = {
      all: () => true,
      differ: () => this.#differ(at),
      first: () => this.#gain(at) > 0.05,
      second: () => this.#gain(at) < -0.05,
    };
    const [least, most] = this.thirds[this.length.select.value] ?? [0, Infinity];
    const { length } = sources[at];
    return fits[value]() && least <= length && length <= most && this.texts[at].includes(this.wanted);
  }

  update() {
    this.wanted = folding(this.search.value.trim());
    const found = [...rows.keys()].filter((at) => this.#fits(at));
    const rank = {
      difference: (at) => -Math.abs(this.#gain(at)),
      test: (at) => at,
      chrf: (at) => mean(systems.map((_, system) => chrf(system, at))),
    }[this.order.select.value];
    const ranks = new Map(found.map((at) => [at, rank(at)]));
    this.found = found.sort((one, other) => ranks.get(one) - ranks.get(other) || one - other);
    this.page = 0;
    this.#show();
  }

  #turn(by) {
    this.page += by;
    this.#show();
    this.count.focus({ preventScroll: true });
    this.count.scrollIntoView();
  }

  #show() {
    const start = PAGE * this.page;
    const listed = this.found.slice(start, start + PAGE);
    const last = Math.ceil(this.found.length / PAGE) - 1;
    const which = listed.length ? `; ${counted(start + 1)} to ${counted(start + listed.length)}` : "";
    this.count.textContent = `${counted(this.found.length)} of ${counted(rows.length)} sentences${which}`;
    this.list.replaceChildren(...listed.map(sentence));
    this.paging.hidden = last < 1;
    this.pages.textContent = `Page ${this.page + 1} of ${last + 1}`;
    this.previous.disabled = this.page === 0;
    this.next.disabled = this.page >= last;
  }
}

const browser = document.getElementById("browser"); // absent in a report without texts
if (browser) {
  document.getElementById("most-different").hidden = true;
  new Sentences(browser);
}
