"use strict";
// Tokens as text that cannot deceive: bytes joined before they are decoded, and whatever a browser
// would hide or obey shown as a mark.

const LONGEST_TOKEN = 200;

class ModelText {
  constructor(vocab, tokens) {
    this.place = new Map(Array.from(vocab.get("ids"), (id, i) => [id, i]));
    this.bytes = vocab.get("token_bytes");
    this.offsets = vocab.get("token_offsets");
    this.tokens = tokens.get("tokens");
    const kept = tokens.get("context_numbers"); // where not all contexts are there
    this.places = kept && new Map(Array.from(kept, (number, i) => [number, i]));
    Object.assign(this, tokens.header);
  }

  /** The bytes of a token; none of one that the shard does not have. */
  of(id) {
    const i = this.place.get(id);
    return i === undefined ? null : this.bytes.subarray(this.offsets[i], this.offsets[i + 1]);
  }

  context(number) {
    const place = this.places ? this.places.get(number) : number;
    return this.tokens.subarray(place * this.positions, (place + 1) * this.positions);
  }
}

/** The length of the character that begins at a byte, 0 where there is none. */
function characterLength(bytes, at) {
  const first = bytes[at];
  const length = first < 0x80 ? 1 : first < 0xc2 ? 0 : first < 0xe0 ? 2 : first < 0xf0 ? 3 : 4;
  if (length < 2) return length;
  if (first > 0xf4 || at + length > bytes.length) return 0;
  try {
    new TextDecoder("utf-8", { fatal: true }).decode(bytes.subarray(at, at + length));
    return length;
  } catch {
    return 0;
  }
}

function hex(number, width = 2) {
  return number.toString(16).toUpperCase().padStart(width, "0");
}

/**
 * Neighbouring tokens as text: a string for each. A character that is split over tokens stands in the
 * first of them; the others have `part`. Bytes that are no text become ⟨E2 80⟩, which no text can be.
 */
function decodeTokens(text, ids) {
  const pieces = Array.from(ids, (id) => text.of(id));
  const total = pieces.reduce((sum, piece) => sum + (piece?.length ?? 0), 0);
  const bytes = new Uint8Array(total);
  const owner = new Uint32Array(total);
  let at = 0;
  pieces.forEach((piece, i) => {
    if (!piece) return;
    bytes.set(piece, at);
    owner.fill(i, at, at + piece.length);
    at += piece.length;
  });
  const out = pieces.map((piece, i) => ({ parts: piece ? [] : [`⟨token ${ids[i]}⟩`], part: false }));
  const decoder = new TextDecoder();
  for (at = 0; at < total; ) {
    const token = out[owner[at]];
    let end = at;
    // Runs of ASCII are the rule, and need no look at each character.
    while (end < total && bytes[end] < 0x80 && owner[end] === owner[at]) end++;
    if (end === at) end = at + characterLength(bytes, at);
    if (end > at) {
      token.parts.push(decoder.decode(bytes.subarray(at, end)));
      for (let i = owner[at] + 1; i <= owner[end - 1]; i++) out[i].part = true;
    } else {
      end = at + 1;
      while (end < total && owner[end] === owner[at] && bytes[end] >= 0x80) {
        if (characterLength(bytes, end)) break;
        end++;
      }
      token.parts.push({ bytes: Array.from(bytes.subarray(at, end), (b) => hex(b)).join(" ") });
    }
    at = end;
  }
  return out;
}

// C0 and C1, soft hyphen, directions, zero width, separators, noncharacters, tags, lone surrogates.
const HIDDEN =
  /[\u0000-\u001f\u007f-\u009f\u00ad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180e\u200b-\u200f\u2028-\u202e\u2060-\u206f\u3164\ufeff\uffa0\ufff9-\ufffb\ufffe\uffff\u{e0000}-\u{e0fff}\ud800-\udfff]/u;
const HIDDEN_RUNS = new RegExp(`(${HIDDEN.source})`, "u");
const SIGNS = { "\n": "↵", "\t": "→", "\r": "␍" };

function markOf(character) {
  return SIGNS[character] ?? `⟨U+${hex(character.codePointAt(0), 4)}⟩`;
}

/** Text with marks for what would not be seen: strings and {mark, newline}. */
function visible(text, { spaces = false, longest = LONGEST_TOKEN } = {}) {
  const letters = text.length > longest ? `${Array.from(text).slice(0, longest).join("")}…` : text;
  return letters
    .split(HIDDEN_RUNS)
    .filter((piece) => piece)
    .flatMap((piece) => {
      if (HIDDEN.test(piece)) return { mark: markOf(piece), newline: piece === "\n" };
      return spaces ? piece.replaceAll(" ", "·") : piece;
    });
}

function visibleToken(token, options) {
  if (!token.parts.length) return [{ mark: token.part ? "⋯" : "∅" }];
  const out = token.parts.flatMap((part) =>
    part.bytes ? { mark: `⟨${part.bytes}⟩` } : visible(part, options),
  );
  return out;
}

/** What a screen reader or a file is told: the marks as text. */
function plain(pieces) {
  return pieces.map((piece) => piece.mark ?? piece).join("");
}
