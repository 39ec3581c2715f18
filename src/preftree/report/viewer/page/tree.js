// A tree drawn as a tree: turns downwards, correct actions left, incorrect ones right, the expanded one on the way down.

import { h, s, code, text, block, flags, number, dollars, reward, many, address, say } from "./draw.js";
import { pairsOf } from "./pairs.js";
import { node, story } from "./story.js";

export function drawTree(tree, forest, ask) {
  const problem = tree.problem;
  return h("article", { class: "tree", "aria-label": `Tree ${tree.id}` },
    h("header", { class: "about" },
      h("h1", { dir: "auto" }, shorten(problem.instruction)),
      facts(tree),
      story(tree, forest),
      spending(tree)),
    h("div", { class: "growth" },
      map(tree, forest),
      h("div", { class: "nodes" },
        question(tree),
        tree.turns.map((turn, place) => drawTurn(tree, turn, place, forest, ask)))));
}

function shorten(words) {
  const line = words.trim().split("\n")[0];
  return line.length > 110 ? `${line.slice(0, 109)}…` : line;
}

function facts(tree) {
  const row = tree.row || {};
  return h("p", { class: "facts" },
    h("span", {}, tree.problem.task), h("span", {}, tree.problem.dataset), h("span", {}, many(tree.turns.length, "turn")),
    tree.spent.calls ? [h("span", {}, many(tree.spent.calls, "call")), h("span", {}, `${number(tree.spent.tokens)} tokens`)] : h("span", {}, "no calls recorded"),
    tree.spent.price_usd ? h("span", {}, dollars(tree.spent.price_usd)) : null,
    flags(row.flags || []));
}

// Who was asked how often, and what it took.
function spending(tree) {
  if (!tree.spent.rows.length) return null;
  return h("details", { class: "spent" }, h("summary", {}, "Who was asked"), h("div", { class: "scroll", tabindex: "0", role: "region", "aria-label": "Calls by role" }, h("table", {},
    h("thead", {}, h("tr", {}, ["Role and actor", "Calls", "Tokens read", "Tokens written", "Cost"].map((name, at) => h("th", { scope: "col", class: at ? "num" : null }, name)))),
    h("tbody", {}, tree.spent.rows.map((row) => h("tr", {}, h("th", { scope: "row" }, row.who), h("td", { class: "num" }, number(row.calls)),
      h("td", { class: "num" }, number(row.input_tokens)), h("td", { class: "num" }, number(row.output_tokens)), h("td", { class: "num" }, dollars(row.price_usd) || "–")))))));
}

// ---------------------------------------------------------------- the map

const STEP = 46;

function map(tree, forest) {
  const lines = [], dots = [];
  const dot = (x, y, kind, target, label) => s("a", { href: address(forest, tree.id, { node: target }), "aria-label": label, "data-node": target },
    s("title", {}, label), kind.startsWith("incorrect")
      ? s("rect", { x: x - 5, y: y - 5, width: 10, height: 10, class: kind }) : s("circle", { cx: x, cy: y, r: 5.5, class: kind }));
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

// ---------------------------------------------------------------- nodes

function question(tree) {
  const problem = tree.problem;
  return h("section", { class: "node question", tabindex: "-1", "data-place": "question", "aria-label": "The question" },
    h("h2", {}, "Question"),
    tree.prompt.map((message) => [message.role === "user" ? null : h("h4", {}, message.role), text(message.content)]).flat(),
    h("details", {}, h("summary", {}, "Reference"),
      h("p", { class: "note" }, `verifier: ${problem.verifier}${problem.tools.length ? `; tools: ${problem.tools.join(", ")}` : ""}; problem: ${problem.id}`),
      problem.references.length ? problem.references.map((reference) => [
        reference.answer ? h("p", {}, "Answer: ", h("code", {}, reference.answer)) : null,
        reference.rationale ? text(reference.rationale) : null,
        reference.program ? code(reference.program) : null]).flat() : h("p", {}, "The data set has none.")));
}

function drawTurn(tree, turn, place, forest, ask) {
  const rewards = (side, i) => Object.entries(tree.rewards || {}).map(([model, found]) => [model, found.kind, found.turns[place]?.[side]?.[i]]).filter(([, , value]) => value !== undefined);
  const draw = (action, side, i, expanded = false) => drawAction(action, node(place, side, i), side, i, rewards(side, i), expanded, address(forest, tree.id, { node: node(place, side, i) }));
  const others = turn.incorrect.map((action, i) => i).filter((i) => i !== turn.expanded);
  const took = [turn.samples ? many(turn.samples, "sample") : "", turn.spent.calls ? many(turn.spent.calls, "call") : "",
    turn.spent.tokens ? `${number(turn.spent.tokens)} tokens` : "", dollars(turn.spent.price_usd)].filter(Boolean).join(", ");
  const before = place ? tree.turns[place - 1].expanded !== null : true;
  return h("section", { class: `turn ${before ? "" : "loose"}`, tabindex: "-1", "data-turn": `turn.${place}`, "aria-label": `Turn ${place + 1}` },
    h("h2", {}, `Turn ${place + 1}`, h("span", { class: "note" }, ` ${took}`)),
    h("div", { class: "sides" },
      h("div", { class: "side good" }, h("h3", {}, "Correct"),
        turn.correct.length ? turn.correct.map((action, i) => draw(action, "correct", i)) : h("p", { class: "none" }, "None was found.")),
      h("div", { class: "side bad" }, h("h3", {}, "Incorrect"),
        turn.incorrect.length ? null : h("p", { class: "none" }, "None was found."),
        others.map((i) => draw(turn.incorrect[i], "incorrect", i)),
        turn.expanded === null ? null : draw(turn.incorrect[turn.expanded], "incorrect", turn.expanded, true))),
    turn.pruned.length ? h("details", { class: "pruned" }, h("summary", {}, `${many(turn.pruned.length, "sample")} drawn and not chosen`),
      h("div", { class: "cards" }, turn.pruned.map((action, i) => draw(action, "pruned", i)))) : null,
    pairsOf(tree, place, forest, ask),
    turn.expanded === null ? null : h("div", { class: "reply", tabindex: "-1", "data-place": `${place}.reply` },
      h("h3", {}, "What the model was told", turn.leaked ? h("span", { class: "flag bad" }, "gives the answer away") : null),
      text(turn.reply),
      turn.critique && !turn.reply.includes(turn.critique) ? block("Critique", turn.critique) : null));
}

function drawAction(action, place, side, i, rewards, expanded, link) {
  const verdict = action.outcome ? `${action.outcome}${action.why ? `: ${action.why}` : ""}` : "";
  const took = action.cpu_s >= 0.005 ? `, ${action.cpu_s.toFixed(2)} s` : "";
  return h("section", { class: `node ${side} ${expanded ? "expanded" : ""}`, tabindex: "-1", "data-place": place, "aria-label": `${side} action ${i + 1}` },
    h("p", { class: "facts" },
      h("span", { class: "who" }, action.actor), h("span", {}, action.stage + (action.schema ? `, ${action.schema}` : "")), h("span", {}, `sample ${action.sample}`),
      action.output_tokens ? h("span", { title: `${number(action.input_tokens)} read, ${number(action.output_tokens)} written` }, `${number(action.output_tokens)} tokens`) : null,
      action.price_usd ? h("span", {}, dollars(action.price_usd)) : null,
      action.truncated ? h("span", { class: "flag" }, "cut short") : null,
      expanded ? h("span", { class: "flag" }, "gone on with") : null,
      h("a", { class: "link", href: link, "aria-label": "link to this action", title: "link to this action" }, "#")),
    rewards.length ? h("dl", { class: "rewards" }, rewards.map(([model, kind, value]) => h("div", { title: `${kind} by ${model}` }, h("dt", {}, model), h("dd", { class: "reward" }, reward(value))))) : null,
    action.thought ? h("details", {}, h("summary", {}, "Thought"), text(action.thought)) : null,
    action.parts.map((part) => (part.code ? code(part.code) : text(part.text))),
    action.tool_calls.map((call) => block(`${call.tool}(${call.arguments})${call.error ? ": error" : ""}`, call.error || call.answer || "(no answer)")),
    action.status || action.output ? block(`Observation (${action.status || "ok"}${took})`, action.output || "(nothing was shown)") : null,
    verdict ? h("p", { class: `verdict ${action.outcome}` }, h("span", { "aria-hidden": "true" }, MARKS[action.outcome] || ""), ` ${verdict}`,
      action.answer ? h("span", { class: "note" }, ` answer: ${action.answer}`) : null) : null,
    action.praise ? block("Critique of this answer", action.praise) : null);
}

const MARKS = { correct: "✓", wrong: "✗", undecided: "?" };

// ---------------------------------------------------------------- ways through it

// Go to an element that a link or a key means, unfold what hides it, and keep its address.
export function jumpTo(found, smooth = true) {
  if (!found) return false;
  for (let fold = found.closest("details:not([open])"); fold; fold = fold.parentElement.closest("details:not([open])")) fold.open = true;
  document.querySelectorAll(".here").forEach((element) => element.classList.remove("here"));
  const target = found.dataset.place;
  if (target) document.querySelectorAll(`[data-node="${CSS.escape(target)}"]`).forEach((element) => element.classList.add("here"));
  found.classList.add("here");
  const calm = matchMedia("(prefers-reduced-motion: reduce)").matches;
  const high = found.offsetHeight > innerHeight * 0.8;
  found.scrollIntoView({ block: high ? "start" : "center", behavior: smooth && !calm ? "smooth" : "auto" });
  found.focus({ preventScroll: true });
  return true;
}

// The node or pair that an address names.
export async function openPlace(values) {
  if (values.pair) {
    const details = document.querySelector(`[data-pairs="${CSS.escape(values.pair.split(".")[0])}"]`);
    if (!details) return;
    details.open = true;
    await details.draw();
    jumpTo(document.querySelector(`[data-place="pair.${CSS.escape(values.pair)}"]`), false);
  } else if (values.node) {
    const name = CSS.escape(values.node);
    jumpTo(document.querySelector(`[data-place="${name}"], [data-turn="${name}"]`), false);
  }
}

export function tellTree(tree) {
  say(`Tree ${tree.id}, ${many(tree.turns.length, "turn")}`);
}
