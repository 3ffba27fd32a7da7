// Types of prometheus.mjs.
export function findPrometheus(): string | null;
export function fetchPrometheus(): string;
