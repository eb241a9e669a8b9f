// Whether a dossier holds, before anything of it is shown: the node checks it as `detente verify` does, under the roots
// that were confirmed there. What does not hold is not played; what nobody can prove is, under a banner.

import { DOSSIER_S, ask } from "../ask.js";
import { t } from "../i18n.js";

/** @typedef {import("../types.js").DossierChecked & {why: string}} Checked outcome: holds, fails, unknown_root; not_checked: `why` */

/** @param {ArrayBuffer} bytes @returns {Promise<Checked>} */
export async function checkDossier(bytes) {
  try {
    const found = await ask("/api/record/check", { method: "POST", body: bytes, headers: { "content-type": "application/octet-stream" }, withinS: DOSSIER_S });
    return { ...found, why: "" };
  } catch (fault) {
    return { outcome: "not_checked", failures: [], parties: [], why: /** @type {Error} */ (fault).message };
  }
}

/** Why it is not proved, or why it fails, in one line. @param {Checked} checked */
export function whyNot({ outcome, failures, why }) {
  if (outcome === "not_checked") return why;
  const [first] = failures;
  const more = failures.length > 1 ? ` ${t("replay.more_failures", { n: failures.length - 1 })}` : "";
  return first ? `${first[0]}: ${first[1]}${more}` : "";
}
