// The pairs of a turn: how models rank them, and each as training sees it.

import { h, number, many, signed, address } from "./draw.js";

const SHOWN_PAIRS = 20;
const SIGNS = { r: "✓", w: "✗", "-": "?" };
const SIGN_WORDS = { r: "ranked rightly", w: "ranked wrongly", "-": "not read by this model" };

export function pairsOf(tree, place, forest, ask) {
  const turn = tree.turns[place];
  if (!turn.pairs.length) return null;
  const shown = h("div", {});
  const details = h("details", { class: "pairs", "data-pairs": place });
  const draw = async () => {
    if (shown.childNodes.length) return;
    shown.append(h("p", { class: "note" }, "Loading …"));
    try {
      shown.replaceChildren(...await drawPairs(tree, place, forest, ask));
    } catch (fault) {
      shown.replaceChildren(h("p", { class: "fault", role: "alert" }, fault.message));
    }
  };
  details.addEventListener("toggle", () => details.open && draw());
  details.draw = draw;
  details.append(h("summary", {}, `What training sees: ${many(turn.pairs.length, "pair")}`), shown);
  return h("div", {}, ranking(tree, place, forest), details);
}

// How each model ranks each pair: the chosen action's number less the rejected one's.
function ranking(tree, place, forest) {
  const models = Object.entries(tree.rewards || {});
  if (!models.length) return null;
  const { correct, incorrect, pairs } = tree.turns[place];
  const margin = (numbers, c, i) => {
    const [ours, theirs] = [numbers.correct[c], numbers.incorrect[i]];
    return ours === null || theirs === null ? "–" : signed(ours - theirs);
  };
  const label = (side, at, all) => (all.length > 1 ? `${side} ${at + 1}` : side);
  return h("div", { class: "scroll", tabindex: "0", role: "region", "aria-label": `Rankings of turn ${place + 1}` }, h("table", { class: "ranking" },
    h("thead", {}, h("tr", {}, h("th", { scope: "col" }, "Pair"), models.map(([name, found]) =>
      h("th", { scope: "col", class: "num", title: `${found.kind}: chosen less rejected` }, name)))),
    h("tbody", {}, pairs.map(([c, i], pair) => h("tr", {},
      h("th", { scope: "row" }, h("a", { href: address(forest, tree.id, { pair: `${place}.${pair}` }) },
        `${label("correct", c, correct)} over ${label("incorrect", i, incorrect)}`)),
      models.map(([, found]) => {
        const sign = found.signs[place][pair];
        return h("td", { class: `num sign-${sign === "-" ? "none" : sign}` }, `${margin(found.turns[place], c, i)} `,
          h("span", { role: "img", "aria-label": SIGN_WORDS[sign], title: SIGN_WORDS[sign] }, SIGNS[sign]));
      }))))));
}

async function drawPairs(tree, place, forest, ask) {
  const count = tree.turns[place].pairs.length;
  const found = await Promise.all(Array.from({ length: Math.min(count, SHOWN_PAIRS) }, (_, pair) =>
    ask("pair", { forest, id: tree.id, turn: place, pair })));
  const drawn = found.map((one, pair) => drawPair(one, place, pair, forest, tree));
  if (count > SHOWN_PAIRS) drawn.push(h("p", { class: "note" }, `and ${many(count - SHOWN_PAIRS, "pair")} more`));
  return drawn;
}

function drawPair(found, place, pair, forest, tree) {
  const mark = { class: "pair", tabindex: "-1", "data-place": `pair.${place}.${pair}` };
  const [c, i] = tree.turns[place].pairs[pair];
  const head = h("h3", {}, h("a", { href: address(forest, tree.id, { pair: `${place}.${pair}` }) }, `Pair ${pair + 1}`),
    h("span", { class: "note" }, ` correct action ${c + 1}, incorrect action ${i + 1}`));
  if (found.refused) return h("section", mark, head, h("p", { class: "note" }, `Set aside: ${found.refused}`));
  const cut = [found.chosen, found.rejected].map((pieces) => folded(pieces, found.shared));
  const common = Math.min(...cut.map((pieces) => pieces.tokens));
  const unit = found.tokens ? "token" : "message";
  const side = (name, at, pieces) => h("div", { class: `side ${at ? "bad" : "good"}` },
    h("h4", {}, name, found.counts ? h("span", { class: "note" }, ` ${many(found.counts[at].tokens, "token")}, ${number(found.counts[at].scored)} scored`) : null),
    h("pre", { class: "tokens", tabindex: "0", "aria-label": `${name}, ${unit} by ${unit}` }, marked(pieces.slice(cut[at].place), found.shared - cut[at].tokens)));
  return h("section", mark, head,
    found.tokens ? null : h("p", { class: "note" }, "Name a tokenizer (tokenizer=…) to see the template and its tokens."),
    h("details", { class: "common" }, h("summary", {}, `${many(common, unit)} before the answers, the same for both`),
      h("pre", { class: "tokens shared", tabindex: "0", "aria-label": "what stands before the answers" }, marked(found.chosen.slice(0, cut[0].place), 0))),
    h("div", { class: "sides" }, side("Chosen", 0, found.chosen), side("Rejected", 1, found.rejected)),
    h("p", { class: "note" }, h("span", { class: "tokens" }, h("span", { class: "scored" }, "scored"), " ", h("span", { class: "scored both" }, "scored, the same in both")), ` ${unit}s`));
}

// How many pieces, and tokens, both begin with before the first that is scored.
function folded(pieces, shared) {
  let tokens = 0, place = 0;
  while (place < pieces.length && !pieces[place].scored && tokens + pieces[place].tokens <= shared) {
    tokens += pieces[place].tokens;
    place += 1;
  }
  return { place, tokens };
}

// Pieces in their colours; the first `shared` tokens stand in the other answer too.
function marked(pieces, shared) {
  let at = 0;
  return pieces.map((piece) => {
    at += piece.tokens;
    return h("span", { class: piece.scored ? `scored ${at <= shared ? "both" : ""}` : null }, piece.text);
  });
}
