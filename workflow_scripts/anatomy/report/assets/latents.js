"use strict";
// The table of all latents: search, sort, columns, the picture of the selection, and its file.

const SHOWN_AT_FIRST = ["density", "error", "error_lift", "ablation_gain", "cosine", "score"];
const current = { rows: null, back: null }; // the list that [ and ] walk through

function Latents({ run, route, meta }) {
  const query = route.query.get("q") ?? "";
  const sort = route.query.get("sort") ?? (meta ? "-firings" : hasError(run) ? "-error" : "-density");
  const shown = shownColumns(run, route, meta);
  const parsed = useTerms(query, run);
  const elsewhere = !meta && parsed.terms.some((one) => one.state === "meta" && !one.negated);
  useEffect(() => elsewhere && go(address(["meta"], { q: query }), true), [elsewhere]);
  const wanted = [...columnsOfQuery(parsed.terms), ...parseSort(sort).map(([key]) => key), ...shown];
  const [ready, trouble] = useData(() => run.need(wanted).then(() => wanted.join()), [wanted.join()]);
  const [rows, failure] = useMemo(() => {
    if (!ready) return [null];
    try {
      return [sortRows(run, filterRows(run, parsed.terms, meta), sort)];
    } catch (error) {
      return [null, error];
    }
  }, [ready, query, sort, meta]);
  const kept = useRef(null);
  if (rows) kept.current = rows;
  const list = rows ?? kept.current;
  if (list) Object.assign(current, { rows: list, back: route.hash });
  const total = useMemo(
    () => filterRows(run, [], meta).length,
    [meta],
  );
  const error = parsed.error ?? trouble ?? failure;
  const count = list ? list.length : 0;
  const set = (values, replace) => go(changed(route, values), replace);
  const columns = useMemo(() => latentColumns(run, shown, meta), [ready, shown.join()]);
  return html`<div class="with-side">
    <div class="main-side">
      <div class="heading">
        <h1>${meta ? "Meta-latents" : "Latents"}</h1>
        <p class="count" aria-live="polite">
          ${list && `${GROUPS.format(count)} of ${GROUPS.format(total)}`}
        </p>
        <${Chips} run=${run} query=${query} set=${(q) => set({ q })} meta=${meta} />
      </div>
      ${meta && html`<p class="note">Meta-latents are the latents of an SAE that was trained on the decoder directions of an SAE: what latents are made of.</p>`}
      ${error && html`<${Waiting} error=${error} />`}
      ${!list && !error && html`<${Waiting} />`}
      ${list &&
      html`<${SortSelect} columns=${columns} sort=${sort} set=${(value) => set({ sort: value }, true)} />
        <${Grid}
          label=${meta ? "Meta-latents" : "Latents"}
          columns=${columns}
          rows=${list}
          keyOf=${(row) => row}
          open=${(row) => go(latentAddress(run, row))}
          sort=${sort}
          onSort=${(key, down, add) => set({ sort: clickSort(sort, key, down, add) }, true)}
          place=${route.hash}
        />
        ${!count && html`<p class="missing">No latent is like this. <a href=${address(route.parts)}>Show all</a></p>`}`}
    </div>
    <aside class="side">
      ${list &&
      html`${!meta && html`<${Panel} title="Density and error contribution">
          <${BinPlot} run=${run} rows=${list} onPick=${(range) => set({ q: withRange(query, range) })} />
          <p class="note">Shaded: the latents in the list. Click a square for those in it.</p>
        <//>`}
        <${Panel} title="Columns">
          <div class="choices">
            ${run.shown.map(({ key }) => columnOf(run, key, meta)).map(
              (about) => about && html`<label title=${about.sentence}>
                <input
                  type="checkbox"
                  checked=${shown.includes(about.key)}
                  onChange=${() => set({ columns: toggled(shown, about.key).join() }, true)}
                />
                ${about.label}
              </label>`,
            )}
          </div>
          <button type="button" class="plain" onClick=${() => saveRows(run, list, shown.flatMap((key) => [key, ...boundKeys(run, key)]))}>
            Save these rows as CSV
          </button>
        <//>`}
    </aside>
  </div>`;
}

function hasError(run) {
  return run.columns.get("error").some((value) => !Number.isNaN(value));
}

function shownColumns(run, route, meta) {
  const asked = route.query.get("columns");
  const usual = (meta ? META_AT_FIRST : SHOWN_AT_FIRST).filter(
    (key) => !["score", "error"].includes(key) || run.columns.get(key).some((v) => !Number.isNaN(v)),
  );
  const keys = asked === null ? usual : asked.split(",");
  return keys.filter((key) => columnOf(run, key, meta));
}

function toggled(keys, key) {
  const next = keys.includes(key) ? keys.filter((other) => other !== key) : [...keys, key];
  return next.length ? next : ["density"];
}

function withRange(query, [x0, x1, y0, y1]) {
  const rest = query.replace(/(^|\s)(?:density|error)[:<>]\S+/g, "").trim();
  const range = (key, low, high) => [low ? `${key}>=${low}` : `${key}>0`, high < Infinity && `${key}<${high}`];
  return [rest, ...range("density", x0, x1), ...range("error", y0, y1)].filter(Boolean).join(" ");
}

function latentColumns(run, shown, meta) {
  const values = shown.map((key) => {
    const about = columnOf(run, key, meta);
    const fires = (row) => key !== "density" || run.value("density", row) > 0;
    return {
      key,
      label: about.label,
      unit: writtenAs(about).unit,
      title: about.sentence,
      numeric: true,
      width: [Math.max(72, wordWidth(about.label)), 0.5],
      phone: [meta ? "firings" : "density", "error", "cosine"].includes(key),
      cell: (row) => {
        const value = run.value(key, row);
        if (!fires(row)) return html`<i class="never">never fires</i>`;
        return missing(value) ? html`<span title=${`not measured${about.reason ? `: ${about.reason}` : ""}`}>–</span>` : quantity(about, value);
      },
    };
  });
  return [
    {
      key: "name",
      label: "Fires on",
      kind: "name",
      width: meta ? [240, 3] : [170, 2.4],
      phone: true,
      cell: (row) =>
        html`<a href=${latentAddress(run, row)} tabindex="-1" class="fires"
          >${run.names[row] ? html`<${Quoted} longest="120">${run.names[row]}<//>` : html`<i class="never">${run.value("density", row) > 0 ? "(no name)" : "nothing: never fires"}</i>`}</a
        >`,
    },
    {
      key: "sae",
      label: "SAE",
      kind: "sae",
      width: [nameWidth(run, 130), 1],
      phone: true,
      cell: (row) => html`<${SaeName} run=${run} number=${run.rowSae[row]} />`,
    },
    {
      key: "latent",
      label: meta ? "Meta-latent" : "Latent",
      numeric: true,
      width: meta ? [88, 0.2] : [54, 0.2],
      cell: (row) => String(run.rowLatent[row]),
    },
    ...values,
  ];
}

/** Filters that one clicks: the same words as in the search. */
function Chips({ run, query, set, meta }) {
  const words = query.split(/\s+/);
  const chips = [["is:novel", "novel"], ["is:unlike", "unlike all others"], ["is:dead", "never fire"], ["is:dense", "dense"], ["is:explained", "explained"]];
  const states = chips.filter(([word]) => {
    if (word === "is:novel") return run.about.has("novel");
    if (word === "is:unlike") return hasUnlike(run);
    return word !== "is:explained" || run.columns.get("score").some((value) => !Number.isNaN(value));
  });
  const toggle = (word) => {
    const has = words.includes(word);
    set((has ? words.filter((other) => other !== word) : [...words, word]).join(" ").trim());
  };
  const where = words.filter((word) => /^(sae|site|model):/.test(word));
  return html`<div class="chips" role="group" aria-label="Filters">
    ${where.map((word) => html`<button type="button" class="chip on" aria-pressed="true" onClick=${() => toggle(word)}>${word} ×</button>`)}
    ${!meta &&
    states.map(
      ([word, label]) => html`<button
        type="button"
        class=${`chip ${words.includes(word) ? "on" : ""}`}
        aria-pressed=${words.includes(word) ? "true" : "false"}
        onClick=${() => toggle(word)}
      >
        ${label}
      </button>`,
    )}
  </div>`;
}

/** On a phone the table has no head to click. */
function SortSelect({ columns, sort, set }) {
  const [[key, down] = ["", false]] = [parseSort(sort)[0]];
  return html`<div class="sort-select">
    <label>Sorted by
      <select value=${key} onChange=${(event) => set((down ? "-" : "") + event.target.value)}>
        ${!key && html`<option value="">the run’s order</option>`}
        ${columns.map((column) => html`<option value=${column.key}>${column.label}</option>`)}
      </select>
    </label>
    <button type="button" class="plain" onClick=${() => set((down ? "" : "-") + key)}>
      ${down ? "largest first ↓" : "smallest first ↑"}
    </button>
  </div>`;
}

/** Room for the longest name of an SAE, within reason. */
function nameWidth(run, most) {
  return Math.min(most, 10 + 7.2 * Math.max(...run.saes.map((sae) => sae.sae.length)));
}

/** Room for the longest word of a label. */
function wordWidth(label) {
  return 10 + 7.2 * Math.max(...label.split(" ").map((word) => word.length));
}

async function saveRows(run, rows, keys) {
  await run.need(keys);
  const link = document.createElement("a");
  link.href = URL.createObjectURL(new Blob([csvOf(run, rows, keys)], { type: "text/csv" }));
  link.download = "latents.csv";
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 1000);
}
