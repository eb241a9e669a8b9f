// What the console takes of Preact, for the type check alone; no browser ever asks for it.
export function h(type: unknown, props: unknown, ...children: unknown[]): unknown;
export function render(view: unknown, parent: Element): void;
