// A tree drawn as a tree: turns downwards, correct actions left, incorrect ones right, the expanded one on the way down.

import { h, s, code, text, block, number, dollars, reward, many, say } from "./draw.js";

export function drawTree(tree, forest, options) {
  const problem = tree.problem;
  return h("article", { class: "tree", "aria-label": `Tree ${tree.id}` },
    h("header", { class: "about" },
      h("h1", {}, shorten(problem.instruction)),
      facts(tree)),
    h("div", { class: "growth" },
      map(tree),
      h("div", { class: "nodes" },
        question(tree),
        tree.turns.map((turn, place) => drawTurn(tree, turn, place, forest, options)))));
}

function shorten(words) {
  const line = words.trim().split("\n")[0];
  return line.length > 110 ? `${line.slice(0, 109)}…` : line;
}

function facts(tree) {
  const row = tree.row || {};
  const wrong = Object.entries(tree.rewards || {}).filter(([, found]) => found.wrong);
  return h("p", { class: "facts" },
    h("span", {}, tree.problem.task), h("span", {}, tree.problem.dataset), h("span", {}, many(tree.turns.length, "turn")),
    h("span", {}, many(tree.spent.calls, "call")), h("span", {}, `${number(tree.spent.tokens)} tokens`),
    tree.spent.price_usd ? h("span", {}, dollars(tree.spent.price_usd)) : null,
    (row.flags || []).map((flag) => h("span", { class: `flag ${flag === "leaked" || flag === "unsolved" ? "bad" : ""}` }, flag)),
    wrong.map(([model, found]) => h("span", { class: "flag bad" }, `${model} ranks ${many(found.wrong, "pair")} wrongly`)));
}

// ---------------------------------------------------------------- the map

const STEP = 46;

function map(tree) {
  const lines = [], dots = [];
  let x = 60, y = 18;
  dots.push(dot(x, y, "root", "question", "the question"));
  tree.turns.forEach((turn, place) => {
    const below = y + STEP;
    const left = turn.correct.map((action, i) => ["correct", i]);
    const right = turn.incorrect.map((action, i) => ["incorrect", i]).filter(([, i]) => i !== turn.expanded);
    const row = [...left, ...right];
    if (turn.expanded !== null) row.push(["incorrect", turn.expanded]);
    const gap = Math.min(26, 100 / Math.max(1, row.length));
    let next = x;
    row.forEach(([side, i], at) => {
      const across = 60 + (at - (row.length - 1) / 2) * gap;
      const expanded = side === "incorrect" && i === turn.expanded;
      lines.push(s("path", { d: `M${x} ${y} C${x} ${y + 20} ${across} ${below - 20} ${across} ${below}`, class: expanded ? "way" : "twig" }));
      dots.push(dot(across, below, `${side}${expanded ? " expanded" : ""}`, node(place, side, i), `turn ${place + 1}, ${side} action ${i + 1}${expanded ? ", expanded" : ""}`));
      if (expanded) next = across;
    });
    if (turn.pruned.length) dots.push(s("text", { x: 118, y: below + 4, "text-anchor": "end", class: "count" }, `+${turn.pruned.length}`));
    x = next;
    y = below;
  });
  const height = y + 20;
  return h("nav", { class: "map", "aria-label": "Map of the tree" },
    s("svg", { viewBox: `0 0 120 ${height}`, width: 120, height }, lines, dots));
}

function dot(x, y, kind, target, label) {
  const shape = kind.startsWith("incorrect")
    ? s("rect", { x: x - 5, y: y - 5, width: 10, height: 10, class: kind })
    : s("circle", { cx: x, cy: y, r: 5.5, class: kind });
  const jump = (event) => { event.preventDefault(); jumpTo(target); };
  return s("a", { href: "#", "aria-label": label, "data-node": target, onclick: jump }, s("title", {}, label), shape);
}

export function node(turn, side, place) {
  return `${turn}.${side}.${place}`;
}

export function jumpTo(target, smooth = true) {
  const found = document.querySelector(`[data-place="${CSS.escape(target)}"]`);
  if (!found) return false;
  const fold = found.closest("details:not([open])");
  if (fold) fold.open = true;
  document.querySelectorAll(".here").forEach((element) => element.classList.remove("here"));
  document.querySelectorAll(`[data-node="${CSS.escape(target)}"]`).forEach((element) => element.classList.add("here"));
  found.classList.add("here");
  const calm = matchMedia("(prefers-reduced-motion: reduce)").matches;
  found.scrollIntoView({ block: "center", behavior: smooth && !calm ? "smooth" : "auto" });
  found.focus({ preventScroll: true });
  return true;
}

// ---------------------------------------------------------------- nodes

function question(tree) {
  const problem = tree.problem;
  return h("section", { class: "node question", tabindex: "-1", "data-place": "question", "aria-label": "The question" },
    h("h2", {}, "Question"),
    tree.prompt.map((message) => text(message.content)),
    h("details", {}, h("summary", {}, "Reference"),
      h("p", { class: "note" }, `verifier: ${problem.verifier}${problem.tools.length ? `; tools: ${problem.tools.join(", ")}` : ""}`),
      problem.references.length ? problem.references.map((reference) => [
        reference.answer ? h("p", {}, "Answer: ", h("code", {}, reference.answer)) : null,
        reference.rationale ? text(reference.rationale) : null,
        reference.program ? code(reference.program) : null]) : h("p", {}, "The data set has none.")));
}

function drawTurn(tree, turn, place, forest, options) {
  const rewards = (side, i) => Object.entries(tree.rewards || {}).map(([model, found]) => [model, found.turns[place]?.[side]?.[i]]);
  const others = turn.incorrect.map((action, i) => i).filter((i) => i !== turn.expanded);
  return h("section", { class: "turn", "aria-label": `Turn ${place + 1}` },
    h("h2", {}, `Turn ${place + 1}`, h("span", { class: "note" }, ` ${many(turn.samples, "sample")}, ${many(turn.spent.calls, "call")}, ${number(turn.spent.tokens)} tokens ${dollars(turn.spent.price_usd)}`)),
    h("div", { class: "sides" },
      h("div", { class: "side good" }, h("h3", {}, "Correct"),
        turn.correct.length ? turn.correct.map((action, i) => drawAction(action, place, "correct", i, rewards("correct", i), false)) : h("p", { class: "note" }, "None was found.")),
      h("div", { class: "side bad" }, h("h3", {}, "Incorrect"),
        turn.incorrect.length ? null : h("p", { class: "note" }, "None was found."),
        others.map((i) => drawAction(turn.incorrect[i], place, "incorrect", i, rewards("incorrect", i), false)),
        turn.expanded === null ? null : drawAction(turn.incorrect[turn.expanded], place, "incorrect", turn.expanded, rewards("incorrect", turn.expanded), true))),
    folded(turn, place),
    pairs(turn, place, tree, forest, options),
    turn.expanded === null ? null : h("div", { class: "reply", tabindex: "-1", "data-place": `${place}.reply` },
      h("h3", {}, "What the model was told", turn.leaked ? h("span", { class: "flag bad" }, "gives the answer away") : null),
      text(turn.reply),
      turn.critique && !turn.reply.includes(turn.critique) ? block("Critique", turn.critique) : null));
}

function drawAction(action, turn, side, place, rewards, expanded) {
  const verdict = action.outcome ? `${action.outcome}${action.why ? `: ${action.why}` : ""}` : "";
  return h("section", { class: `node ${side} ${expanded ? "expanded" : ""}`, tabindex: "-1", "data-place": node(turn, side, place), "aria-label": `${side} action ${place + 1}` },
    h("p", { class: "facts" },
      h("span", { class: "who" }, action.actor), h("span", {}, action.stage + (action.schema ? `, ${action.schema}` : "")), h("span", {}, `sample ${action.sample}`),
      action.output_tokens ? h("span", { title: `${number(action.input_tokens)} read, ${number(action.output_tokens)} written` }, `${number(action.output_tokens)} tokens`) : null,
      action.price_usd ? h("span", {}, dollars(action.price_usd)) : null,
      action.truncated ? h("span", { class: "flag" }, "cut short") : null,
      expanded ? h("span", { class: "flag" }, "gone on with") : null,
      rewards.map(([model, value]) => h("span", { class: "reward", title: `reward by ${model}` }, `${model} ${reward(value)}`))),
    action.thought ? h("details", {}, h("summary", {}, "Thought"), text(action.thought)) : null,
    action.parts.map((part) => (part.code ? code(part.code) : text(part.text))),
    action.tool_calls.map((call) => h("div", { class: "block" }, h("h4", {}, `${call.tool}(${call.arguments})`), h("pre", { tabindex: "0", "aria-label": "tool's answer" }, call.error || call.answer))),
    action.status || action.output ? block(`Observation (${action.status || "ok"}${action.cpu_s ? `, ${action.cpu_s.toFixed(2)} s` : ""})`, action.output || "(nothing was shown)") : null,
    verdict ? h("p", { class: `verdict ${action.outcome}` }, h("span", { "aria-hidden": "true" }, MARKS[action.outcome] || ""), ` ${verdict}`,
      action.answer ? h("span", { class: "note" }, ` answer: ${action.answer}`) : null) : null,
    action.praise ? block("Critique of this answer", action.praise) : null);
}

const MARKS = { correct: "✓", wrong: "✗", undecided: "?" };

function folded(turn, place) {
  if (!turn.pruned.length) return null;
  return h("details", { class: "pruned" }, h("summary", {}, `${many(turn.pruned.length, "sample")} drawn and not chosen`),
    h("div", { class: "cards" }, turn.pruned.map((action, i) => drawAction(action, place, "pruned", i, [], false))));
}

// ---------------------------------------------------------------- pairs

function pairs(turn, place, tree, forest, options) {
  if (!turn.pairs) return null;
  const shown = h("div", {});
  const details = h("details", { class: "pairs", "data-pairs": place, ontoggle: async () => {
    if (!details.open || shown.childNodes.length) return;
    shown.append(...await drawPairs(tree, place, forest, options));
  } }, h("summary", {}, `What training sees: ${many(turn.pairs, "pair")}`), shown);
  return details;
}

const SHOWN_PAIRS = 20;

async function drawPairs(tree, place, forest, options) {
  const count = tree.turns[place].pairs;
  const drawn = [];
  for (let pair = 0; pair < Math.min(count, SHOWN_PAIRS); pair += 1) {
    drawn.push(drawPair(await options.pair(forest, tree.id, place, pair), pair));
  }
  if (count > SHOWN_PAIRS) drawn.push(h("p", { class: "note" }, `and ${many(count - SHOWN_PAIRS, "pair")} more`));
  return drawn;
}

function drawPair(found, pair) {
  if (found.refused) return h("p", { class: "note" }, `Pair ${pair + 1} is set aside: ${found.refused}`);
  const side = (name, i) => h("div", { class: `side ${i ? "bad" : "good"}` },
    h("h4", {}, name, found.counts ? h("span", { class: "note" }, ` ${many(found.counts[i].tokens, "token")}, ${number(found.counts[i].scored)} scored, ${number(found.shared)} shared`) : null),
    h("pre", { class: "tokens", tabindex: "0", "aria-label": `${name}, token by token` }, tokens(found[i ? "rejected" : "chosen"], found.shared)));
  return h("div", { class: "pair" },
    found.tokens ? null : h("p", { class: "note" }, "Name a tokenizer (tokenizer=…) to see the template and its tokens."),
    h("div", { class: "sides" }, side("Chosen", 0), side("Rejected", 1)));
}

function tokens(pieces, shared) {
  let at = 0;
  return pieces.map((piece) => {
    const common = piece.tokens > 0 && at + piece.tokens <= shared;
    at += piece.tokens;
    return h("span", { class: `${piece.scored ? "scored" : ""} ${common ? "shared" : ""}` }, piece.text);
  });
}

export function tellTree(tree) {
  say(`Tree ${tree.id}, ${many(tree.turns.length, "turn")}`);
}
