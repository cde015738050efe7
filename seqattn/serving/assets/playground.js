
// The playground: each run's translation of the text is asked for as it is typed.
const PAUSE = 250; // milliseconds without typing before a question is sent
const UNLIKELY = 0.5; // a piece of less probability is marked

const byId = (id) => document.getElementById(id);
const number = (value) => value.toFixed(2).replace("-", "\u2212");

// Calls a function once nothing has asked for it for a while.
function afterPause(call) {
  let timer;
  return () => {
    clearTimeout(timer);
    timer = setTimeout(call, PAUSE);
  };
}

// The answer of the server, or an Error with its sentence.
async function ask(path, parameters, signal) {
  const body = JSON.stringify({ ...parameters, api_key: byId("key").value });
  const headers = { "Content-Type": "application/json" };
  let response, answer;
  try {
    response = await fetch(`playground/${path}`, { method: "POST", headers, body, signal });
    answer = await response.json();
  } catch (error) {
    if (error.name === "AbortError") throw error;
    throw new Error("The server does not answer");
  }
  if (!response.ok) throw new Error(answer.error);
  return answer;
}

// Asks one question after another: an answer is used only if no later question was asked.
class Line {
  async ask(path, parameters, use, refused) {
    this.controller?.abort();
    const own = (this.controller = new AbortController());
    try {
      const answer = await ask(path, parameters, own.signal);
      if (own === this.controller) use(answer);
    } catch (error) {
      if (own === this.controller && error.name !== "AbortError") refused(error.message);
    }
  }
  stop() {
    this.controller?.abort();
    this.controller = null;
  }
}

class System {
  constructor(section) {
    this.section = section;
    this.translating = new Line();
    this.scoring = new Line();
    this.prefix = "";
    this.problem = "";
    this.reading = null;
    this.panel = null;
    this.part("forced").querySelector("button").addEventListener("click", () => this.begin(""));
    this.input = this.part("edit").querySelector("input");
    this.input.addEventListener("input", afterPause(() => this.score()));
    this.part("pieces").addEventListener("keydown", (event) => this.#walk(event));
    section.addEventListener("keydown", (event) => {
      if (event.key === "Escape" && this.opened) this.#close();
    });
  }

  part(name) {
    return this.section.querySelector(`.${name}`);
  }

  get shown() {
    return !this.section.hidden;
  }

  // Translate again with what the translation must begin with; then focus the piece at a place.
  begin(prefix, place = 0) {
    this.prefix = prefix;
    this.translate(() => this.part("pieces").children[place]?.focus());
  }

  translate(then = () => {}) {
    const q = byId("text").value;
    if (!this.shown || !q.trim()) {
      this.translating.stop();
      this.#refused("");
      this.part("result").hidden = true;
      this.panel = null;
      this.section.classList.remove("waiting");
      return;
    }
    this.section.classList.add("waiting");
    const done = () => this.section.classList.remove("waiting");
    this.translating.ask(
      "translate",
      { run: +this.section.dataset.number, q, prefix: this.prefix },
      (answer) => {
        done();
        this.#refused("");
        this.#show(answer);
        then();
      },
      (message) => {
        done();
        this.#refused(message);
      },
    );
  }

  // Say why this run has no answer, if so, beside what the other runs say.
  #refused(problem) {
    this.problem = problem;
    const problems = new Set(systems.map((system) => system.problem).filter(Boolean));
    byId("status").textContent = [...problems].join(" · ");
  }

  #show(answer) {
    const [best] = answer.candidates;
    this.best = best;
    this.whole = answer.whole;
    this.part("result").hidden = false;
    this.part("best").textContent = best.text;
    const forced = this.part("forced");
    forced.hidden = !this.prefix;
    forced.querySelector("bdi").textContent = this.prefix;
    const notes = [];
    if (answer.parts > 1) notes.push(`Translated in ${answer.parts} parts, of which no pieces are shown.`);
    if (answer.unknown) notes.push(`Not known to the run: ${answer.unknown}`);
    this.part("note").textContent = notes.join(" ");
    this.opened = null;
    this.part("others").hidden = true;
    this.part("pieces").replaceChildren(...answer.pieces.map((piece, place) => this.#piece(piece, place)));
    this.part("alternatives").replaceChildren(
      ...answer.candidates.map(({ text, score }) => {
        const figure = element("span", { className: "faint", textContent: number(score) });
        return element("li", {}, element("bdi", { textContent: text }), " ", figure);
      }),
    );
    if (document.activeElement !== this.input) {
      this.input.value = best.text;
      this.part("scored").textContent = "";
    } else this.score();
    this.#attend(answer.attention);
  }

  // A piece as a button that shows what else might stand there; one of them is reached by the Tab key.
  #piece(piece, place) {
    const kinds = [piece.word && "word", piece.end && "end", piece.probability < UNLIKELY && "unlikely"];
    const button = element("button", {
      type: "button",
      className: kinds.filter(Boolean).join(" "),
      textContent: piece.end ? "end" : piece.text,
      title: `${percent(piece.probability)}, rank ${piece.rank}`,
      tabIndex: place ? -1 : 0,
      ariaExpanded: "false",
    });
    button.addEventListener("click", () =>
      this.opened === button ? this.#close() : this.#open(button, piece, place),
    );
    return button;
  }

  #open(button, piece, place) {
    if (this.opened) this.opened.ariaExpanded = "false";
    this.opened = button;
    button.ariaExpanded = "true";
    const others = piece.candidates.map((one) => {
      const text = one.end ? "end" : one.text;
      const made = element(
        "button",
        {
          type: "button",
          disabled: one.prefix === null,
          className: one.word || one.end || !place ? "" : "joined",
          title: one.word || one.end || !place ? "" : "without a space before it",
        },
        element("bdi", { textContent: text }),
        element("span", { textContent: percent(one.probability) }),
      );
      if (one.rank === piece.rank) made.setAttribute("aria-current", "true");
      made.addEventListener("click", () => this.begin(one.prefix, place + 1));
      return made;
    });
    this.part("others").replaceChildren(...others);
    this.part("others").hidden = false;
  }

  #close() {
    this.opened.ariaExpanded = "false";
    this.opened.focus();
    this.opened = null;
    this.part("others").hidden = true;
  }

  #walk(event) {
    const pieces = [...this.part("pieces").children];
    const at = pieces.indexOf(event.target);
    const backwards = getComputedStyle(this.part("pieces")).direction === "rtl";
    const [left, right] = backwards ? [at + 1, at - 1] : [at - 1, at + 1];
    const next = pieces[{ ArrowLeft: left, ArrowRight: right, Home: 0, End: pieces.length - 1 }[event.key]];
    if (!next) return;
    event.preventDefault();
    for (const piece of pieces) piece.tabIndex = piece === next ? 0 : -1;
    next.focus();
  }

  // The score of the translation that was typed.
  score() {
    const translation = this.input.value;
    const scored = this.part("scored");
    this.scoring.ask(
      "score",
      { run: +this.section.dataset.number, q: byId("text").value, translation },
      ({ score, log_probability }) => {
        const best = this.whole ? ` (best ${number(this.best.score)})` : "";
        const apart = this.whole ? "" : "; of the whole text at once, unlike those above";
        scored.textContent = `Score ${number(score)}${best}, log-probability ${number(log_probability)}${apart}`;
      },
      (message) => (scored.textContent = message),
    );
  }

  // The panel of the attention, with the layer and head that were chosen before.
  #attend(attention) {
    const place = this.part("attention");
    this.panel = null;
    this.part("choice").replaceChildren();
    place.innerHTML = attention ? attention.html : "";
    if (attention) {
      const { run, weights } = attention;
      run.shown = this.reading ?? run.shown;
      this.panel = new Panel(place.querySelector(".run"), run, weights);
      const choice = readingChoice(run, "Layer and head", () => {
        this.reading = run.shown;
        this.panel.show();
      });
      if (choice) this.part("choice").append(choice);
    }
    const panels = systems.map((system) => system.panel).filter(Boolean);
    for (const panel of panels) panel.siblings = panels;
  }
}

const systems = [...document.querySelectorAll(".system")].map((section) => new System(section));

function direct() {
  for (const { section } of systems) section.hidden = section.dataset.direction !== byId("direction").value;
}

// All translations anew, without what they had to begin with.
function renew() {
  for (const system of systems) {
    system.prefix = "";
    system.translate();
  }
}

direct();
byId("text").addEventListener("input", afterPause(renew));
byId("key").addEventListener("input", afterPause(renew));
byId("direction").addEventListener("change", () => {
  direct();
  renew();
});
byId("text").focus();
// A browser may have kept a text when the page was loaded again.
if (byId("text").value) renew();
