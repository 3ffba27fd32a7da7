// Converts between paths and the protocol's file URIs.
import { fileURLToPath, pathToFileURL } from 'node:url';

export const URI = {
  of: (path: string): string => pathToFileURL(path).href,
  /** @returns null if it is not a file's */
  path(uri: string): string | null {
    try {
      return fileURLToPath(uri);
    } catch {
      return null;
    }
  },
};
