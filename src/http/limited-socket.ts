// A connection of a client library that keeps what a server sends, without a limit of its own.
import { Socket } from 'node:net';

const CHECK_MS = 20;

export interface LimitedSocket {
  /** Not connected yet. */
  readonly socket: Socket;
  close(): void;
}

/**
 * @param maxBytes that the server may send, counted at intervals
 * @param exceeded called at the first check that finds more
 */
export function limitedSocket(maxBytes: number, exceeded: () => void): LimitedSocket {
  const socket = new Socket();
  const timer = setInterval(() => {
    if (socket.bytesRead <= maxBytes) return;
    clearInterval(timer);
    exceeded();
  }, CHECK_MS);
  return {
    socket,
    close() {
      clearInterval(timer);
      socket.destroy();
    },
  };
}
