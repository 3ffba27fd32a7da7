// COPY FROM STDIN of pg-copy-streams, loaded when the first table is: a module of its own, because a CommonJS module
// that is imported late has no named exports once it is bundled.
export { from as copyFrom } from 'pg-copy-streams';
