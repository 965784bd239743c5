"use strict";
// Meta-latents: what a latent is made of, and one of them by itself.

const NEAREST_SHOWN = 3;
const META_AT_FIRST = ["firings", "mean_activation", "cosine", "score"];
// To a meta-latent latents are what tokens are to a latent: its columns mean something else.
const META_COLUMNS = {
  firings: { label: "Latents with it", unit: "", sentence: "How many latents of the SAE taken apart have it." },
  mean_activation: { label: "Mean strength", sentence: "Mean over the latents that have it; their directions have length 1." },
  maximum: { label: "Largest strength", sentence: "Its largest strength in a latent." },
  cosine: { sentence: "Highest decoder cosine to a latent of an SAE of the site." },
  own_cosine: { label: "Cosine to another", sentence: "Largest absolute decoder cosine to another meta-latent." },
  score: { sentence: "How well its explanation tells where the latents that have it fire." },
};

/** What is said of a column in a list; null where meta-latents do not have it. */
function columnOf(run, key, meta) {
  const about = run.about.get(key);
  if (!meta) return about;
  return about && META_COLUMNS[key] ? { ...about, ...META_COLUMNS[key] } : null;
}

/** The meta-latents that a latent has, or the latents that have a meta-latent (`by`), the strongest first. */
function partsOf(parts, by, number) {
  const names = by === "latent" ? ["latent", "meta", "strength"] : ["meta", "latent", "strength"];
  return rowsWith(parts, number, names, "part_").sort((a, b) => b.strength - a.strength);
}

function whyWhole(run, data) {
  const apart = run.saes.filter((sae) => sae.meta).map((sae) => sae.of);
  if (!apart.length) return "this run trains no meta-SAE; canonical_units.meta of the configuration asks for one";
  if (!data.parts) return `the meta-SAE of this run is of the latents of ${plain(visible(apart.join(", ")))} alone`;
  return run.value("density", data.row) > 0 ? "no meta-latent is active on it" : "latents that never fire are not taken apart";
}

function Decomposition({ run, data }) {
  const title = "Decomposition into meta-latents";
  const parts = data.parts ? partsOf(data.parts, "latent", data.latent) : [];
  if (!parts.length) return html`<${Panel} title=${title}><${Missing} why=${whyWhole(run, data)} /><//>`;
  for (const part of parts) part.near = nearestOf(data.parts, part.meta).slice(0, NEAREST_SHOWN);
  const most = parts[0].strength;
  return html`<${Panel} title=${title} className="decomposition" note="A meta-SAE writes the latent’s direction, of length 1, as a sum of few meta-latents. Beside each: the latents of all SAEs of the site that point most its way.">
    <${Graph} run=${run} data=${data} parts=${parts} />
    <table class="nearest">
      <thead><tr><th>Strength</th><th>Meta-latent</th><th>Nearest latents, by cosine</th></tr></thead>
      <tbody>${parts.map(({ meta, strength, near }) => html`<tr>
        <td class="number"><i class="meter"><i style=${{ width: `${(100 * strength) / most}%` }} /></i>${format(strength, 2)}</td>
        <td><${LatentLink} run=${run} sae=${data.meta} latent=${meta} /></td>
        <td><ul>${near.map(({ sae, other, cosine }) => html`<li><span class="number">${format(cosine, 2)}</span><${LatentLink} run=${run} sae=${sae} latent=${other} full=${true} /></li>`)}</ul></td>
      </tr>`)}</tbody>
    </table>
  <//>`;
}

/** Meta-latents on the left, as strong as their bars; on the right what is near, joined as thick as the cosine. */
function Graph({ run, data, parts }) {
  const key = ({ sae, other }) => `${sae} ${other}`;
  const right = [...new Map(parts.flatMap(({ near }) => near).map((one) => [key(one), one])).values()];
  const [step, left, bar, to] = [36, 330, 56, 520];
  const height = step * Math.max(right.length, parts.length);
  const y = (i, n) => ((i + 0.5) * height) / n;
  const places = new Map(right.map((one, i) => [key(one), y(i, right.length)]));
  const node = (sae, latent, x, at, anchor, under) => {
    const row = run.row(sae, latent);
    const name = plain(visible(run.names[row] ?? "", { longest: 42 })) || "(no name)";
    return html`<a href=${latentAddress(run, row)}><text class="name" x=${x} y=${at - 2} text-anchor=${anchor}>${name}</text>
      <text x=${x} y=${at + 12} text-anchor=${anchor}>${under}</text></a>`;
  };
  return html`<svg class="plot graph" viewBox=${`0 0 860 ${height}`} role="group" aria-label="The latent’s meta-latents and what is near them">
    <desc>The table below has the same.</desc>
    ${parts.map(({ near }, i) => near.map((one) => html`<line x1=${left + bar + 8} y1=${y(i, parts.length)} x2=${to - 6} y2=${places.get(key(one))}
      stroke-width=${0.5 + 5 * Math.max(0, one.cosine) ** 2}><title>${`cosine ${format(one.cosine, 2)}`}</title></line>`))}
    ${parts.map(({ meta, strength }, i) => html`<rect class="strength" x=${left + 4} y=${y(i, parts.length) - 5} height="10" width=${(bar * strength) / parts[0].strength} />
      ${node(data.meta, meta, left - 4, y(i, parts.length), "end", `meta-latent ${meta}, strength ${format(strength, 2)}`)}`)}
    ${right.map((one) => node(one.sae, one.other, to, places.get(key(one)), "start", `${plain(visible(run.saes[one.sae].sae, { longest: 40 }))} / ${one.other}${run.row(one.sae, one.other) === data.row ? ", this latent" : ""}`))}
  </svg>`;
}

/** A meta-latent: the latents that have it, and what is near. */
function MetaLatent({ run, row }) {
  const [meta, latent] = [run.rowSae[row], run.rowLatent[row]];
  const about = run.saes[meta];
  const [parts, error] = useData(async () => (await Promise.all([run.parts(meta), run.need(Object.keys(META_COLUMNS))]))[0], [row]);
  const members = useMemo(() => (parts ? partsOf(parts, "meta", latent) : []), [parts, latent]);
  return html`<article class="latent">
    <${LatentHead} run=${run} row=${row} about=${about} latent=${latent} />
    ${!parts && html`<${Waiting} error=${error} />`}
    ${parts && html`<${Numbers} run=${run} row=${row} keys=${Object.keys(META_COLUMNS)} meta=${true} />
      <div class="columns">
        <div class="wide"><${Panel} title="Latents that have it" note=${`The meta-SAE takes apart the ${GROUPS.format(parts.header.rows)} latents of ${plain(visible(about.of))} that fire; ${GROUPS.format(members.length)} have this meta-latent.`}>
          <${LatentRows} run=${run} head="Strength" rows=${members.map((one) => ({ ...one, sae: about.apart, value: one.strength }))} most=${members[0]?.strength} write=${(value) => format(value, 2)} few="20" />
        <//></div>
        <div class="slim"><${Nearest} run=${run} data=${{ near: nearestOf(parts, latent) }} title="Nearest in every SAE" /></div>
      </div>`}
  </article>`;
}
