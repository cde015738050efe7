// Lights the cells of an image by the word under the pointer, the finger or the keyboard, and names the words that
// attend to the cell under the pointer.

const VEIL = 0.85; // over a cell without attention
const HINT = "Point at a word or at the image, or press Tab and move with the arrow keys.";

// The attention of one run over one image. Cells are numbered column by column.
class Panel {
  constructor(section, run, embedded) {
    this.section = section;
    this.run = run;
    this.embedded = embedded;
    this.rows = +section.dataset.rows;
    this.buttons = [...section.querySelectorAll(".words button")];
    this.said = section.querySelector(".said");
    this.columns = section.querySelector("svg").viewBox.baseVal.width;
    this.pinned = null;
    this.#build();
    this.#listen();
    this.show();
  }

  #build() {
    this.cells = Array.from({ length: this.rows * this.columns }, (_, at) => {
      const cell = shape("rect", { x: Math.floor(at / this.rows), y: at % this.rows, width: 1, height: 1 });
      cell.dataset.cell = at;
      return cell;
    });
    this.section.querySelector("svg").append(...this.cells);
    this.buttons.forEach((button, at) => (button.tabIndex = at ? -1 : 0));
  }

  #listen() {
    const on = (name, react) => this.section.addEventListener(name, react);
    on("pointerover", ({ target }) => this.#point(target));
    on("pointerleave", () => this.light(this.pinned));
    on("focusin", ({ target }) => this.#pin(this.buttons.indexOf(target)));
    on("focusout", () => this.#pin(-1));
    on("click", ({ target }) => target.closest("button")?.focus());
    on("keydown", (event) => {
      const at = this.buttons.indexOf(event.target);
      if (event.key === "Escape") this.#pin(-1);
      const last = this.buttons.length - 1;
      const to = { ArrowLeft: at - 1, ArrowUp: at - 1, ArrowRight: at + 1, ArrowDown: at + 1, Home: 0, End: last };
      const next = at < 0 ? undefined : this.buttons[to[event.key]];
      if (!next) return;
      event.preventDefault();
      next.focus();
    });
  }

  #pin(at) {
    this.pinned = at < 0 ? null : at;
    if (at >= 0) this.buttons.forEach((button, other) => (button.tabIndex = other === at ? 0 : -1));
    this.light(this.pinned);
  }

  #point(target) {
    const button = target.closest("button");
    if (button) this.light(this.buttons.indexOf(button));
    else if (target.dataset.cell) this.#look(+target.dataset.cell);
    else this.light(this.pinned);
  }

  // Show the layer and head that are chosen for the run.
  show() {
    this.weights = chosenWeights(this.run, this.embedded, this.buttons.length, this.cells.length);
    this.buttons.forEach((button, at) => {
      const [cell, weight] = this.#most(this.weights[at]);
      button.parentElement.querySelector(".figure").textContent = `${this.#name(cell)} ${percent(weight)}`;
    });
    this.section.querySelector(".which").textContent = described(this.run, this.run.shown);
    this.section.querySelector(".own").hidden = String(this.run.shown) !== String(this.run.own);
    this.light(this.pinned);
  }

  #most(weights) {
    const weight = Math.max(...weights);
    return [weights.indexOf(weight), weight];
  }

  #name(cell) {
    return `r${(cell % this.rows) + 1}c${Math.floor(cell / this.rows) + 1}`;
  }

  // Light what a word attends to; null: the whole image.
  light(word) {
    const weights = word === null ? [] : this.weights[word];
    const [most, largest] = this.#most(weights);
    this.cells.forEach((cell, at) => {
      cell.style.fillOpacity = word === null ? 0 : VEIL * (1 - weights[at] / (largest || 1));
      cell.classList.toggle("most", at === most && word !== null);
    });
    this.buttons.forEach((button, at) => (button.className = at === word ? "chosen" : ""));
    if (word === null) this.said.textContent = HINT;
    else {
      const name = this.buttons[word].textContent;
      this.said.textContent = `“${name}” attends most to ${this.#name(most)}, with ${percent(largest)}.`;
    }
  }

  // Light a cell, and colour the words that attend to it.
  #look(cell) {
    this.cells.forEach((other, at) => {
      other.style.fillOpacity = at === cell ? 0 : VEIL / 2;
      other.classList.toggle("most", at === cell);
    });
    const named = [];
    this.buttons.forEach((button, at) => {
      const weight = this.weights[at][cell];
      button.className = weight >= LEAST ? step(weight) : "";
      if (weight >= LEAST) named.push(`“${button.textContent}” ${percent(weight)}`);
    });
    this.said.textContent = `${this.#name(cell)} is attended to by ${named.join(", ") || "no word"}.`;
  }
}
