// What the console takes of htm, for the type check alone; no browser ever asks for it.
declare const htm: { bind(h: unknown): (strings: TemplateStringsArray, ...values: unknown[]) => any };
export default htm;
