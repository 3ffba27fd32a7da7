// What is put into an object store as one piece.
import type { Body } from '../../../src/object-store/store.ts';

/** @param body in one piece or several */
export function wholeBody(body: Body): Buffer {
  return Buffer.concat(body instanceof Uint8Array ? [body] : body);
}
