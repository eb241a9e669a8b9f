// What is asked of a person for each act: fields in their order. What an act is about goes with it unasked.

import { nodeNow } from "../clock.js";
import { instantOf } from "../format.js";
import { readPoint } from "../map/volume.js";
import { partyName } from "../words.js";
import { areRead, consented, itemName, otherMembers, otherParties, replaceable, reportName, reportOf } from "./report-form.js";

/** @typedef {Record<string, any>} Row */

const words = (/** @type {string} */ name) => ({ name, kind: "words", optional: false });
const perhaps = (/** @type {string} */ name) => ({ name, kind: "words", optional: true });
const line = (/** @type {string} */ name) => ({ name, kind: "line", optional: false });
const document = (/** @type {string} */ name) => ({ name, kind: "document", optional: false });
const key = (/** @type {string} */ name) => ({ name, kind: "key", optional: false });
const instant = (/** @type {string} */ name) => ({ name, kind: "instant", optional: false });
const place = (/** @type {string} */ name) => ({ name, kind: "place", optional: true });
const lines = (/** @type {string} */ name) => ({ name, kind: "lines", optional: true });
const choice = (/** @type {string} */ name, /** @type {string} */ list, /** @type {string[]} */ options, optional = false) => ({ name, kind: "choice", list, options, optional });

/** From what stands at the table when it is asked. */
const chosen = (/** @type {string} */ name, /** @type {() => string[]} */ from, /** @type {(one: string) => string} */ named, optional = true) => ({ name, kind: "choice", from, named, optional });

/** What is no text. */
const LISTS = ["hands", "parties"];
const FINDINGS = ["agreed", "partly", "not_agreed", "not_established"];
const POSTS = ["operator", "supervisor", "duty_officer"];

/** Act → its fields. @type {Record<string, Row[]>} */
export const FORMS = {
  "activity.declare": [],
  "activity.change": [],
  "activity.accept": [perhaps("words")],
  "activity.object": [words("words")],
  "activity.ask": [words("words")],
  "activity.pass_on": [line("to")],
  "activity.activate": [],
  "activity.deviate": [choice("to", "activity", ["nonconforming", "contingent"]), words("words")],
  "activity.end": [perhaps("words")],
  "activity.cancel": [words("reason")],
  "activity.confirm": [],
  "activity.give_place": [],
  "arrangement.narrow": [choice("to", "arrangement", ["safety_of_life", "suspended", "terminated"]), words("note")],
  "arrangement.resume": [words("note")],
  "proposal.table": [line("title"), document("text"), lines("details")],
  "proposal.counter": [document("text")],
  "proposal.detail": [choice("stance", "stance", ["agreed", "disputed", "open"]), perhaps("words")],
  "proposal.sign": [],
  "proposal.decline": [words("reason")],
  "proposal.withdraw": [words("reason")],
  "proposal.lapse": [words("reason")],
  "proposal.complete": [],
  "decision.adopt": [perhaps("objection")],
  "decision.assign": [choice("seat", "role", ["military", "intelligence", "foreign_service"]), choice("hours", "hours", ["4", "8", "12", "24", "72", "168"])],
  "decision.progress": [words("words")],
  "decision.claim_done": [words("words"), lines("evidence")],
  "decision.confirm": [],
  "decision.dispute": [words("reason")],
  "incident.account": [words("words")],
  "incident.find": [choice("finding", "finding", FINDINGS), words("words")],
  "report.share": [line("title"), words("words"), choice("about", "about", ["general", "others", "own", "safety_of_life"]), key("sort"), instant("observed"), choice("hours", "hours", ["4", "8", "12", "24", "72", "168"]), place("place"), choice("source", "source", [..."ABCDEF"]), choice("item", "item", [..."123456"]), lines("sources"), choice("tlp", "tlp", ["red", "amber_strict", "amber", "green", "clear"]), { name: "may_pass_to", kind: "parties", from: otherParties, optional: true }, chosen("material", consented, itemName), { name: "provenance", kind: "hands", optional: true }, chosen("replaces", replaceable, reportName)],
  "report.ask_consent": [chosen("originator", otherMembers, partyName, false), { name: "material", kind: "number", optional: false }, words("words")],
  "report.consent": [choice("consents", "consents", ["yes", "no"]), perhaps("words")],
  "report.grade": [choice("source", "source", [..."ABCDEF"]), choice("item", "item", [..."123456"]), lines("sources"), words("words")],
  "report.withdraw": [words("reason")],
  "ceasefire.agree": [],
  "ceasefire.reply": [choice("stance", "reply", ["confirms", "denies", "partly", "looks_into_it"]), words("words")],
  "ceasefire.find": [choice("finding", "finding", FINDINGS), choice("grade", "grade", ["minor", "serious", "very_serious"], true), words("words")],
  "ceasefire.remedy": [words("words")],
  "ledger.comment": [words("words")],
  "difference.open": [line("title"), words("words")],
  "difference.words": [words("words")],
  "difference.close": [],
  "watch.take": [choice("post", "role", POSTS), choice("hours", "hours", ["4", "8", "12"]), perhaps("handed_over")],
  "watch.leave": [choice("post", "role", POSTS), perhaps("reason")],
};

const split = (/** @type {string} */ text) => text.split("\n").map((one) => one.trim()).filter(Boolean);

/** What is typed may not be what it should be yet. @type {Record<string, (text: string) => boolean>} */
const READS = {
  key: (text) => /^[a-z0-9][a-z0-9_-]{0,31}$/.test(text),
  number: (text) => READS.key(text),
  instant: (text) => !Number.isNaN(instantOf(text)),
  place: (text) => readPoint(text) !== null,
};

/** Whether what stands in *field* can be read; an empty one can. @param {Row} field @param {string} text */
export const isRead = ({ kind }, text) => text === "" || (READS[kind]?.(text) ?? true);

const inHours = (/** @type {string} */ hours) => Math.trunc(nodeNow()) + Number(hours) * 3_600_000;

/** The act as the node takes it. @param {Row} draft @returns {Row} */
export function actOf(draft) {
  const given = Object.fromEntries(FORMS[draft.act].map(({ name, kind }) => [name, LISTS.includes(kind) ? (draft.values[name] ?? []) : kind === "lines" ? split(draft.values[name] ?? "") : (draft.values[name] ?? "").trim()]).filter(([, value]) => value.length > 0));
  const { text, details, hours, source, item, sources, ...rest } = given;
  const act = { act: draft.act, ...draft.fixed, ...rest };
  switch (draft.act) {
    case "proposal.counter": return { ...act, version: { text, ...draft.shown.kept } };
    case "proposal.table": return { ...act, version: { text, details: (details ?? []).map((/** @type {string} */ title, /** @type {number} */ k) => ({ key: `d${k + 1}`, title })) } };
    case "report.grade": return { ...act, grade: { source, item, ...(sources ? { sources } : {}) } };
    case "report.share": return reportOf({ act: draft.act, ...draft.fixed }, given, inHours);
    case "report.consent": return { ...act, consents: given.consents === "yes" };
    case "activity.confirm": return { ...act, verified_ms: Math.trunc(nodeNow()) };
    case "decision.assign": return { ...act, due_ms: inHours(hours) };
    case "watch.take": return { ...act, until_ms: inHours(hours) };
    default: return act;
  }
}

/** Whether every field that is needed holds something, and each what it should. @param {Row} draft */
export const isComplete = (draft) => FORMS[draft.act].every((field) => {
  if (LISTS.includes(field.kind)) return field.kind !== "hands" || areRead(draft.values[field.name] ?? []);
  const text = (draft.values[field.name] ?? "").trim();
  return (field.optional || text !== "") && isRead(field, text);
});
