/** Free ports on the loopback interface. */

import { connect, createServer } from "node:net";

/**
 * Ports below the range from which systems take the ports of outgoing connections. A server that
 * is restarted so finds its port free, and a client that dials a dead server cannot get the very
 * same port for its own end, which would connect it to itself.
 */
const LOWEST = 10_240;
const HIGHEST = 32_767;

/** Thrown when another process holds a port; with ports of our choice, one tries others. */
export class PortInUseError extends Error {
  override readonly name = "PortInUseError";
}

/** Different ports that nothing listens on at the moment. */
export async function freePorts(count: number): Promise<number[]> {
  const ports = new Set<number>();
  while (ports.size < count) {
    const port = LOWEST + Math.floor(Math.random() * (HIGHEST - LOWEST + 1));
    if (!ports.has(port) && await isFree(port)) ports.add(port);
  }
  return [...ports];
}

export function isFree(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const server = createServer();
    server.once("error", () => resolve(false));
    server.listen({ port, host: "127.0.0.1" }, () => server.close(() => resolve(true)));
  });
}

/** Whether something listens on a port. */
export function accepts(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect({ port, host: "127.0.0.1" });
    const end = (result: boolean): void => {
      socket.destroy();
      resolve(result);
    };
    socket.once("connect", () => end(true));
    socket.once("error", () => end(false));
  });
}
