// A page: panels of the pairs, or images, that are open, and choices of layers and heads.
const panels = new Map();

function panelOf(section) {
  const { pair, run } = section.dataset;
  return new Panel(section, runs[run], pairs[pair][run]);
}

// A pair's panels are made when it is first opened.
function open(pair) {
  if (!pair.open || panels.has(pair)) return;
  const made = [...pair.querySelectorAll(".run")].map(panelOf);
  for (const panel of made) panel.siblings = made;
  panels.set(pair, made);
}

for (const pair of document.querySelectorAll(".pair")) {
  open(pair);
  pair.addEventListener("toggle", () => open(pair));
}

runs.forEach((run, index) => {
  const name = document.querySelector(`[data-run="${index}"] h2`).textContent;
  const choice = readingChoice(run, name, () => {
    for (const panel of [...panels.values()].flat()) if (panel.run === run) panel.show();
  });
  if (choice) document.getElementById("choices").append(choice);
});
