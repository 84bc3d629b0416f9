import type { IncomingMessage, Server } from 'node:http';
import type { Socket } from 'node:net';

/**
 * Limits a server's connections and keeps one place free: with the last but one taken, the connection that has kept the
 * server waiting longest is closed, whether it says nothing or has sent half a request. So who holds connections, or
 * fills them drop by drop, shuts nobody out. What is being answered stays; when all are, Node closes the next one.
 */
export function limitConnections(server: Server, connectionsMax: number): void {
  server.maxConnections = connectionsMax;
  /** With their requests, null between two; in the order in which the one or the other began. */
  const open = new Map<Socket, IncomingMessage | null>();
  const began = (socket: Socket, request: IncomingMessage | null) => {
    // A map keeps the place of a key it knows.
    open.delete(socket);
    open.set(socket, request);
  };
  const makePlace = () => {
    for (const [socket, request] of open) {
      if (request?.complete) continue;
      open.delete(socket);
      socket.destroy();
      return;
    }
  };
  server.on('connection', (socket: Socket) => {
    if (open.size >= connectionsMax - 1) makePlace();
    began(socket, null);
    socket.once('close', () => open.delete(socket));
  });
  server.on('request', (request, response) => {
    const { socket } = request;
    began(socket, request);
    response.once('close', () => {
      if (open.get(socket) === request) began(socket, null);
    });
  });
}
