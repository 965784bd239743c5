"use strict";
// Pieces that several views are made of: numbers, addresses, text with marks, plots.

const { html, render, useCallback, useEffect, useLayoutEffect, useMemo, useRef, useState } = lib;

// ---- addresses

function address(parts, query = {}) {
  const params = new URLSearchParams(Object.entries(query).filter(([, value]) => value));
  const text = params.toString();
  return `#/${parts.map((part) => encodeURIComponent(inAddress(part))).join("/")}${text ? `?${text}` : ""}`;
}

/** A name as it stands in an address, which takes no half of a surrogate pair. */
function inAddress(name) {
  return name.replace(/\p{Surrogate}/gu, markOf);
}

function parseAddress(hash) {
  const [path, query = ""] = hash.replace(/^#\/?/, "").split(/\?(.*)/s);
  try {
    const parts = path.split("/").filter((part) => part);
    return { parts: parts.map(decodeURIComponent), query: new URLSearchParams(query), hash };
  } catch {
    return { parts: [path], query: new URLSearchParams(), hash };
  }
}

function go(hash, replace) {
  if (replace) {
    history.replaceState(null, "", hash);
    dispatchEvent(new Event("hashchange"));
  } else {
    location.hash = hash;
  }
}

/** The address that is open, with other values in its query. */
function changed(route, values, parts = route.parts) {
  return address(parts, { ...Object.fromEntries(route.query), ...values });
}

/** Which model, where the names of two models' SAEs are the same. */
function modelQuery(run, { model, site, sae }) {
  const same = run.saes.filter((other) => other.site === site && other.sae === sae);
  return same.length > 1 ? { model } : {};
}

function saeAddress(run, number) {
  const about = run.saes[number];
  return address(["sae", about.site, about.sae], modelQuery(run, about));
}

function latentAddress(run, row) {
  const about = run.saes[run.rowSae[row]];
  const parts = ["latent", about.site, about.sae, String(run.rowLatent[row])];
  return address(parts, modelQuery(run, about));
}

// ---- numbers

const GROUPS = new Intl.NumberFormat("en-GB");

/** A number to so many decimal places; true minus signs, and tiny ones as powers. */
function format(value, places = 3) {
  if (missing(value)) return "–";
  const tiny = value !== 0 && Math.abs(value) < 0.5 * 10 ** -places;
  const options = { minimumFractionDigits: places, maximumFractionDigits: places };
  const text = tiny && places ? value.toExponential(1) : value.toLocaleString("en-GB", options);
  return text.replaceAll("-", "−");
}

/** The places that show so many significant digits of a number; 0 digits are of whole numbers. */
function places(value, digits) {
  if (digits === 0 || missing(value) || value === 0) return digits && 1;
  return Math.min(8, Math.max(0, digits - 1 - Math.floor(Math.log10(Math.abs(value)))));
}

/** How a quantity is written: shares as percent, else as it is. */
function writtenAs({ unit }) {
  return unit === "share" ? { scale: 100, unit: "%" } : { scale: 1, unit: unit ?? "" };
}

/** A value of a quantity: columns of the index say their places, others as many as `like` needs. */
function quantity(about, value, like = value) {
  const { scale } = writtenAs(about);
  const own = about.places ?? places(like * scale, about.digits ?? 3);
  return missing(value) ? "–" : format(value * scale, own);
}

/** The value that says how many places a column has: one of its larger ones. */
function typical(values) {
  const sizes = Float64Array.from(values, Math.abs).filter((size) => size > 0 && size < Infinity).sort();
  return sizes.length ? sizes[Math.floor(0.75 * sizes.length)] : 1;
}

/** A value with its unit, as text. */
function withUnit(about, value) {
  const { unit } = writtenAs(about);
  return `${quantity(about, value)}${!missing(value) && unit ? ` ${unit}` : ""}`;
}

function Value({ about, value, low, high }) {
  const { unit } = writtenAs(about);
  const interval = !missing(low) && !missing(high);
  return html`<span class="value">
    ${quantity(about, value)}${!missing(value) && unit && html`<i class="unit"> ${unit}</i>`}
    ${interval &&
    html` <span class="interval">${quantity(about, low, value)} – ${quantity(about, high, value)}</span>`}
  </span>`;
}

// ---- text

function Pieces({ pieces, lines }) {
  return pieces.map((piece) =>
    piece.mark ? html`<span class="mark">${piece.mark}</span>${piece.newline && lines ? html`<br />` : ""}` : piece,
  );
}

/** Text from outside: kept to itself, so that nothing in it turns the rest of the line around. */
function Quoted({ children, longest = 400 }) {
  const text = String(children ?? "");
  return html`<bdi><${Pieces} pieces=${visible(text, { longest })} /></bdi>`;
}

/** The name of an SAE, and where it is if others are called the same. */
function SaeName({ run, number }) {
  const { sae, site, model } = run.saes[number];
  const alike = run.saes.filter((other) => other.sae === sae);
  const key = alike.some((other) => other.site !== site) ? "site" : "model";
  return html`<span title=${`${sae} at ${site} of ${model}`}><${Quoted}>${sae}<//>${alike.length > 1 && html` <small><${Quoted}>${run.saes[number][key]}<//></small>`}</span>`;
}

/** A latent as a link: its number and what it fires on; in `full` with its SAE. */
function LatentLink({ run, sae, latent, full }) {
  const row = run.row(sae, latent);
  const label = html`<span class="number">${full && html`<${Quoted} longest="60">${run.saes[sae].sae}<//> / `}${latent}</span>`;
  if (row < 0) return label;
  return html`<a class="fires" href=${latentAddress(run, row)}>${label}${full && html`<br />`} <${Quoted} longest="80">${run.names[row]}<//></a>`;
}

/** Latents in a table, before each a number and, where there is `most`, a bar; of many the first few at first. */
function LatentRows({ run, head, rows, most, write, full, few = Infinity }) {
  const [all, setAll] = useState(false);
  return html`<table class="nearest">
      <thead><tr><th>${head}</th><th>Latent</th></tr></thead>
      <tbody>${rows.slice(0, all ? undefined : few).map(({ sae, latent, value }) => html`<tr>
        <td class="number">${most && html`<i class="meter"><i style=${{ width: `${Math.max(0, (100 * value) / most)}%` }} /></i>`}${write(value)}</td>
        <td><${LatentLink} run=${run} sae=${sae} latent=${latent} full=${full} /></td></tr>`)}</tbody>
    </table>
    ${rows.length > few && html`<button type="button" class="plain" onClick=${() => setAll(!all)}>${all ? "Fewer" : `All ${rows.length}`}</button>`}`;
}

function Missing({ what, why }) {
  return html`<p class="missing">${what ? `${what}: ` : ""}not measured${why && `: ${why}`}</p>`;
}

function Panel({ title, note, children, className = "" }) {
  return html`<section class=${`panel ${className}`}>
    <h2>${title}</h2>
    ${note && html`<p class="note">${note}</p>`} ${children}
  </section>`;
}

// ---- data that come later

/** [value, error] of a promise, made anew when one of `on` changes. */
function useData(make, on) {
  const [state, setState] = useState({});
  useEffect(() => {
    let current = true;
    setState({});
    Promise.resolve()
      .then(make)
      .then(
        (value) => current && setState({ value }),
        (error) => current && setState({ error }),
      );
    return () => (current = false);
  }, on);
  return [state.value, state.error];
}

function Waiting({ error }) {
  if (error) return html`<p class="trouble" role="alert">${sentence(error)}</p>`;
  return html`<div class="skeleton" aria-label="loading"><i /><i /><i /></div>`;
}

function sentence(error) {
  if (error instanceof DataError) return error.message;
  return `This part of the page cannot be shown (${error?.message ?? error}).`;
}

/** A view that fails says so, and the rest of the page lives. */
class Guard extends lib.Component {
  componentDidCatch(error) {
    this.setState({ error });
  }
  render({ children }, { error }) {
    return error ? html`<${Waiting} error=${error} />` : children;
  }
}

// ---- plots

const STEPS = 9; // classes h0 … h9 of the style sheet

function step(share) {
  return `h${Math.max(0, Math.min(STEPS, Math.ceil(share * STEPS)))}`;
}

function Axis({ scale, ticks, at, size, side, write }) {
  const horizontal = side === "bottom";
  return html`<g class="axis" transform=${horizontal ? `translate(0,${at})` : `translate(${at},0)`}>
    ${ticks.map((tick) => {
      const place = scale(tick);
      return horizontal
        ? html`<g transform=${`translate(${place},0)`}>
            <line y1=${-size} y2="4" /><text y="17" text-anchor="middle">${write(tick)}</text>
          </g>`
        : html`<g transform=${`translate(0,${place})`}>
            <line x1="-4" x2=${size} /><text x="-8" dy="0.32em" text-anchor="end">${write(tick)}</text>
          </g>`;
    })}
  </g>`;
}

function power(value) {
  if (value >= 0.01 && value < 10000) return String(Number(value.toPrecision(3)));
  const exponent = Math.round(Math.log10(value));
  const digits = String(exponent).replace("-", "⁻");
  return `10${digits.replace(/\d/g, (digit) => "⁰¹²³⁴⁵⁶⁷⁸⁹"[digit])}`;
}

/** Ticks of a logarithmic axis that do not crowd. */
function powers(low, high) {
  const [from, to] = [Math.ceil(Math.log10(low)), Math.floor(Math.log10(high))];
  const all = [];
  for (let exponent = from; exponent <= to; exponent++) all.push(10 ** exponent);
  if (all.length >= 2) return all.filter((_, i) => i % Math.ceil(all.length / 5) === 0);
  const wanted = [1, 2, 5].flatMap((digit) => [from - 1, from, to].map((e) => digit * 10 ** e));
  return [...new Set(wanted)].filter((tick) => tick >= low && tick <= high).sort((a, b) => a - b);
}

/** Counts of latents over density and error contribution; a click takes one bin. */
function BinPlot({ run, rows, onPick }) {
  const bins = useMemo(() => binned(run), [run]);
  const chosen = useMemo(() => countBins(run, rows, bins), [rows, bins]);
  if (!bins) return html`<${Missing} what="Error contribution" why="no SAE was decomposed" />`;
  const { nx, ny, x, y, all } = bins;
  const [w, h, left, top] = [236, 176, 56, 6];
  const most = Math.log1p(Math.max(...all));
  const cells = [];
  for (let i = 0; i < nx * ny; i++) {
    if (!all[i]) continue;
    const [bx, by] = [i % nx, Math.floor(i / nx)];
    const range = [...x.range(bx), ...y.range(by)];
    const count = chosen[i];
    const place = { x: left + (bx * w) / nx, y: top + h - ((by + 1) * h) / ny };
    const hue = count ? step(Math.log1p(count) / most) : "none";
    cells.push(
      html`<rect
        ...${place}
        width=${w / nx - 0.6}
        height=${h / ny - 0.6}
        class=${`bin ${hue}`}
        onClick=${() => onPick(range)}
      >
        <title>${`${count} of ${all[i]} latents`}</title>
      </rect>`,
    );
  }
  const xs = lib.scaleLog().domain([x.low, x.high]).range([left, left + w]);
  const ys = lib.scaleLog().domain([y.low, y.high]).range([top + h, top]);
  return html`<svg class="plot" viewBox="0 0 296 226" role="img" aria-label="Density against error contribution">
    <desc>Each square is a group of latents; the shaded ones are in the list.</desc>
    <${Axis} scale=${xs} ticks=${powers(x.low, x.high)} at=${top + h} size="0" side="bottom" write=${power} />
    <${Axis} scale=${ys} ticks=${powers(y.low, y.high)} at=${left} size="0" side="left" write=${power} />
    ${cells}
    <text class="title" x=${left + w / 2} y="222" text-anchor="middle">density</text>
    <text class="title" x="-94" y="10" transform="rotate(-90)" text-anchor="middle">error contribution</text>
  </svg>`;
}

function binned(run) {
  const [density, error] = ["density", "error"].map((key) => run.columns.get(key));
  const range = (values) => {
    let [low, high] = [Infinity, -Infinity];
    for (const value of values) if (value > 0) [low, high] = [Math.min(low, value), Math.max(high, value)];
    return [low, high];
  };
  const [nx, ny] = [24, 19];
  const axis = ([low, high], n) => {
    const from = Math.max(low, high * 1e-7); // seven decades are enough for a picture
    const size = Math.log10((high * 1.001) / from) / n;
    // Edges are what a query says of them; the first and the last bin take what is beyond.
    const edges = Array.from({ length: n + 1 }, (_, i) => Number((from * 10 ** (i * size)).toPrecision(4)));
    const own = edges.map(Math.fround);
    const bin = (v) => {
      let i = Math.max(0, Math.min(n - 1, Math.floor(Math.log10(v / from) / size)));
      while (i > 0 && v < own[i]) i--;
      while (i < n - 1 && v >= own[i + 1]) i++;
      return i;
    };
    return { low: from, high, bin, range: (i) => [i ? edges[i] : 0, i < n - 1 ? edges[i + 1] : Infinity] };
  };
  const [dr, er] = [range(density), range(error)];
  if (!Number.isFinite(dr[0]) || !Number.isFinite(er[0])) return null;
  const bins = { nx, ny, x: axis(dr, nx), y: axis(er, ny) };
  bins.of = new Int32Array(run.size).fill(-1);
  for (let row = 0; row < run.size; row++) {
    if (density[row] > 0 && error[row] > 0) bins.of[row] = bins.y.bin(error[row]) * nx + bins.x.bin(density[row]);
  }
  bins.all = countBins(run, null, bins);
  return bins;
}

function countBins(run, rows, bins) {
  if (!bins) return null;
  const counts = new Uint32Array(bins.nx * bins.ny);
  for (const bin of rows ?? bins.of.keys()) if (bins.of[bin] >= 0) counts[bins.of[bin]]++;
  return counts;
}
