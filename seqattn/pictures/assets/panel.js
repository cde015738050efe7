// The attention of one run for one pair: the table works without this script, which draws lines between words, shows
// other layers and heads, and highlights what belongs to the word under the pointer, the finger or the keyboard.

const MOST_SAID = 6; // words named in a sentence
const HINT = "Point at a word or tap it, or press Tab and move with the arrow keys.";
const SIDES = ["source", "target"];
const OTHER = { source: "target", target: "source" };

const { unattended, sides } = data;

// Of a row divided by its sum, which need not be one.
function entropy(row) {
  const total = sum(row);
  return sum(row.map((weight) => (weight > 0 ? (-weight / total) * Math.log2(weight / total) : 0)));
}

// Words, each isolated in its own direction, with the text after it. Words may end in commas, so dots separate them.
function listed(words, after = () => "") {
  return words.flatMap((word, at) => [at ? " · " : "", element("bdi", { textContent: word }), after(at)]);
}

// The spot {source, target} that an element stands for: a word of one side, both for a weight, or null.
function spotOf(node) {
  const { source, target } = node.closest("[data-source], [data-target]")?.dataset ?? {};
  if (source === undefined && target === undefined) return null;
  return { source: source === undefined ? null : +source, target: target === undefined ? null : +target };
}

// The attention of one run for one pair.
class Panel {
  constructor(section, run, embedded) {
    this.section = section;
    this.run = run;
    this.embedded = embedded;
    this.siblings = [this];
    this.pinned = null;
    this.#readTable();
    this.#build();
    this.#listen();
    this.show();
  }

  #readTable() {
    const rows = [...this.section.querySelectorAll("tbody tr")];
    const headings = [...this.section.querySelectorAll("thead th")];
    this.headings = { source: headings, target: rows.map((row) => row.querySelector("th")) };
    this.cells = rows.map((row) => [...row.querySelectorAll("td")]);
    this.words = {};
    for (const side of SIDES) {
      this.words[side] = this.headings[side].map((heading) => heading.textContent);
      this.headings[side].forEach((heading, index) => (heading.dataset[side] = index));
    }
    this.cells.forEach((row, target) =>
      row.forEach((cell, source) => Object.assign(cell.dataset, { source, target })),
    );
  }

  // Words in two columns with lines between them, and the paragraphs of figures.
  #build() {
    this.lines = shape("svg", { viewBox: "0 0 100 100", preserveAspectRatio: "none", "aria-hidden": "true" });
    this.buttons = {};
    const [sources, targets] = SIDES.map((side) => this.#column(side));
    const links = element("div", { className: "links" }, sources, this.lines, targets);
    links.style.setProperty("--rows", Math.max(this.words.source.length, this.words.target.length));
    this.figures = element("p", { className: "figures faint" });
    this.said = element("p", { className: "said", ariaLive: "polite" });
    const views = this.section.querySelector(".views");
    views.before(this.figures);
    views.prepend(links);
    this.section.append(this.said);
  }

  // A side's words as buttons, one of which the Tab key reaches.
  #column(side) {
    this.buttons[side] = this.words[side].map((word, index) => {
      const properties = { type: "button", title: word, tabIndex: index ? -1 : 0 };
      const button = element("button", properties, element("bdi", { textContent: word }));
      button.dataset[side] = index;
      return button;
    });
    const rows = this.buttons[side].map((button) =>
      element("li", {}, button, element("span", { className: "figure" })),
    );
    return element("ol", { className: side, lang: "", ariaLabel: `${sides[side]} words` }, ...rows);
  }

  #listen() {
    const pin = (spot) => {
      this.pinned = spot;
      this.light(spot);
    };
    const on = (name, react) => this.section.addEventListener(name, react);
    on("pointerover", (event) => this.light(spotOf(event.target) ?? this.pinned));
    on("pointerleave", () => this.light(this.pinned));
    on("focusin", (event) => pin(spotOf(event.target)));
    on("focusout", () => pin(null));
    on("click", (event) => {
      // Not every browser focuses a button that is clicked.
      event.target.closest("button")?.focus();
      pin(spotOf(event.target));
    });
    on("keydown", (event) => {
      if (event.key === "Escape") pin(null);
      const next = event.target.matches(".links button") && this.#towards(event.key, spotOf(event.target));
      if (!next) return;
      event.preventDefault();
      next.focus();
    });
  }

  // The button to which a key leads: along the words of a side, or across to the strongest link.
  #towards(key, spot) {
    const side = spot.source === null ? "target" : "source";
    const index = spot[side];
    if (key === { source: "ArrowRight", target: "ArrowLeft" }[side]) {
      const weights = this.#between(side, index);
      return this.buttons[OTHER[side]][weights.indexOf(Math.max(...weights))];
    }
    const last = this.words[side].length - 1;
    return this.buttons[side][{ ArrowUp: index - 1, ArrowDown: index + 1, Home: 0, End: last }[key]];
  }

  // The weights between a word and those of the other side.
  #between(side, index) {
    return side === "target" ? this.weights[index] : this.weights.map((row) => row[index]);
  }

  // Show the layer and head that are chosen for the run.
  show() {
    this.weights = chosenWeights(this.run, this.embedded, this.words.target.length, this.words.source.length);
    this.#draw();
    this.#sumUp();
    this.light(this.pinned);
  }

  // Fill the table, and draw a line for each weight that can be seen, the strongest on top.
  #draw() {
    const height = (side, index) => (100 * (index + 0.5)) / this.words[side].length;
    this.links = [];
    this.weights.forEach((row, target) =>
      row.forEach((weight, source) => {
        this.cells[target][source].textContent = Math.round(100 * weight);
        if (weight < LEAST) return;
        const [from, to] = [height("source", source), height("target", target)];
        const d = `M0 ${from}C50 ${from} 50 ${to} 100 ${to}`;
        const path = shape("path", { d, class: step(weight), "stroke-width": 1 + 4 * weight });
        this.links.push({ source, target, weight, path });
      }),
    );
    this.links.sort((one, other) => one.weight - other.weight);
    this.lines.replaceChildren(...this.links.map((link) => link.path));
  }

  // Summarise the whole sentence.
  #sumUp() {
    this.section.querySelector(".which").textContent = described(this.run, this.run.shown);
    this.section.querySelector(".own").hidden = String(this.run.shown) !== String(this.run.own);
    // The end of a source and the beginning of a target are not words; images have neither.
    const mark = Number(this.section.dataset.mark ?? -1);
    const overlooked = this.words.source.map(
      (_, index) => index !== mark && sum(this.#between("source", index)) < unattended,
    );
    this.buttons.source.forEach((button, index) =>
      button.parentElement.classList.toggle("unattended", overlooked[index]),
    );
    const names = this.words.source.filter((_, index) => overlooked[index]);
    const mean = sum(this.weights.map(entropy)) / Math.max(1, this.weights.length);
    const most = Math.log2(this.words.source.length);
    this.figures.replaceChildren(
      `Entropy ${mean.toFixed(2)} bits a word on average, ${most.toFixed(2)} at most. `,
      ...(names.length ? ["Unattended: ", ...listed(names)] : [`No ${sides.source} word is unattended`]),
      ".",
    );
  }

  // Highlight a spot, and the same one in another run's panel that has the same words there.
  light(spot) {
    const alike = (panel) => (side) =>
      spot[side] === null || panel.words[side][spot[side]] === this.words[side][spot[side]];
    for (const panel of this.siblings) panel.#light(spot && SIDES.every(alike(panel)) ? spot : null);
  }

  #light(spot) {
    const faded = (source, target) =>
      spot !== null && ((spot.source ?? source) !== source || (spot.target ?? target) !== target);
    for (const { source, target, path } of this.links) path.classList.toggle("off", faded(source, target));
    this.cells.forEach((row, target) =>
      row.forEach((cell, source) => {
        cell.className = step(this.weights[target][source]);
        cell.classList.toggle("off", faded(source, target));
      }),
    );
    for (const side of SIDES) {
      const weights = spot && spot[side] === null ? this.#between(OTHER[side], spot[OTHER[side]]) : [];
      this.buttons[side].forEach((button, index) => {
        const lit = weights[index] >= LEAST;
        const chosen = spot !== null && spot[side] === index;
        button.className = lit ? step(weights[index]) : "";
        button.nextSibling.textContent = lit ? percent(weights[index]) : "";
        for (const named of [button, this.headings[side][index]]) named.classList.toggle("chosen", chosen);
      });
      if (spot && spot[side] !== null)
        this.buttons[side].forEach((button, index) => (button.tabIndex = index === spot[side] ? 0 : -1));
    }
    this.said.replaceChildren(...(spot ? this.#sentence(spot) : [HINT]));
  }

  // What is highlighted, in words.
  #sentence({ source, target }) {
    const quoted = (side, index) => element("bdi", { textContent: `“${this.words[side][index]}”` });
    if (source !== null && target !== null) {
      const weight = percent(this.weights[target][source], 1);
      return [quoted("target", target), ` gives ${weight} to `, quoted("source", source), "."];
    }
    const side = source === null ? "target" : "source";
    const weights = this.#between(side, source ?? target);
    const order = [...weights.keys()].filter((index) => weights[index] >= LEAST);
    order.sort((one, other) => weights[other] - weights[one]);
    const most = order.slice(0, MOST_SAID);
    const names = listed(
      most.map((index) => this.words[OTHER[side]][index]),
      (at) => ` ${percent(weights[most[at]], 1)}`,
    );
    const [verb, whole] =
      side === "target"
        ? ["attends to", `entropy ${entropy(weights).toFixed(2)} bits`]
        : ["is attended to by", `in total ${percent(sum(weights))}`];
    return [quoted(side, source ?? target), ` ${verb} `, ...(most.length ? names : ["no word"]), `; ${whole}.`];
  }
}
