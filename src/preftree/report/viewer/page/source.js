// What the page asks for: from the server, or from the data inside a static file.

const inside = document.getElementById("data");
const data = inside ? JSON.parse(inside.textContent) : null;

export const isFile = data !== null;

export class GoneError extends Error {}

export async function ask(what, values = {}) {
  if (data) return fromData(what, values);
  const words = new URLSearchParams(Object.entries(values).filter(([, value]) => value !== "" && value !== undefined));
  let answer;
  try {
    answer = await fetch(`api/${what}?${words}`);
  } catch {
    throw new GoneError("The server doesn't answer. Start preftree view again and open the address that it prints.");
  }
  if (answer.status === 404) return null;
  if (!answer.ok) throw new Error(await answer.text());
  return answer.json();
}

function fromData(what, values) {
  if (what === "about") return data.about;
  const forest = data.forests[values.forest || 0];
  if (what === "trees") {
    const rows = forest.rows.filter((row) => keeps(row, forest.trees[row.id], values));
    const start = Number(values.start || 0);
    const sum = (name) => rows.reduce((whole, row) => whole + row[name], 0);
    const sums = { pairs: sum("pairs"), samples: sum("samples"), tokens: sum("tokens"), price_usd: sum("price_usd") };
    return { total: rows.length, start, sums, rows: ordered(rows, values.order).slice(start) };
  }
  if (what === "tree") return forest.trees[values.id] || null;
  if (what === "pair") return forest.pairs[`${values.id}/${values.turn}/${values.pair}`] || null;
  return forest.rows.filter((row) => row.problem === values.id).map((row) => row.id);
}

function keeps(row, tree, wanted) {
  return ["task", "dataset", "stage"].every((name) => !wanted[name] || row[name] === wanted[name])
    && (!wanted.depth || row.depth === Number(wanted.depth))
    && (!wanted.min_pairs || row.pairs >= Number(wanted.min_pairs)) && (!wanted.max_pairs || row.pairs <= Number(wanted.max_pairs))
    && (!wanted.min_tokens || row.tokens >= Number(wanted.min_tokens))
    && (!wanted.min_usd || row.price_usd >= Number(wanted.min_usd))
    && (!wanted.flag || row.flags.includes(wanted.flag))
    && ranked(tree.rewards, wanted)
    && says(tree, wanted.words || "");
}

function ranked(rewards, { wrong, right }) {
  if (!wrong) return true;
  const signs = (model) => (rewards[model] ? rewards[model].signs.join("") : "");
  const theirs = signs(right);
  return [...signs(wrong)].some((sign, pair) => sign === "w" && (!right || theirs[pair] === "r"));
}

// As the server's index of words: letters and digits alone count; what stands in quotes stands together; the last word
// may be the beginning of one.
function says(tree, words) {
  const pieces = words.split('"');
  const phrases = pieces.filter((piece, place) => place % 2).map(plain).filter((piece) => piece.trim());
  const single = pieces.filter((piece, place) => place % 2 === 0).flatMap((piece) => piece.split(/\s+/)).map(plain).filter((piece) => piece.trim());
  if (!phrases.length && !single.length) return !words.trim();
  const wanted = [...phrases, ...single];
  if (single.length && !/["\s]$/.test(words)) wanted.push(wanted.pop().trimEnd());
  const whole = plain(textOf(tree));
  return wanted.every((piece) => whole.includes(piece));
}

function plain(words) {
  return ` ${words.normalize("NFKD").replace(/\p{M}/gu, "").toLowerCase().replace(/[^\p{L}\p{N}]+/gu, " ").trim()} `;
}

function textOf(tree) {
  const parts = [tree.problem.id, tree.problem.instruction, ...tree.problem.references.map((reference) => reference.answer)];
  for (const turn of tree.turns) {
    for (const action of [...turn.correct, ...turn.incorrect]) {
      for (const part of action.parts) parts.push(part.code ? part.code.map(([, piece]) => piece).join("") : part.text);
      parts.push(action.output, action.praise || "");
    }
    parts.push(turn.critique);
  }
  return parts.join("\n");
}

function ordered(rows, order) {
  const by = { pairs: "pairs", depth: "depth", cost: "price_usd", tokens: "tokens", samples: "samples" }[order];
  return by ? [...rows].sort((a, b) => b[by] - a[by]) : rows;
}
