import { connect, type Socket } from 'node:net';
import { parentPort, workerData } from 'node:worker_threads';
import type { Crowd, CrowdAnswer, CrowdRequest } from './crowd.ts';

/**
 * The thread of `sendCrowd`. It speaks HTTP/1.1 by hand, answers with a Content-Length only: Node's client costs as much
 * as the server that is to be measured.
 */

const { url, connections, requests } = workerData as Crowd;
const { host, hostname, port } = new URL(url);
const END_OF_HEADERS = '\r\n\r\n';

function write({ path, headers = {}, body }: CrowdRequest): string {
  const text = body === undefined ? '' : JSON.stringify(body);
  const lines = Object.entries(headers).map(([name, value]) => `${name}: ${value}`);
  if (text !== '') lines.push('Content-Type: application/json');
  lines.push(`Host: ${host}`, `Content-Length: ${Buffer.byteLength(text)}`);
  return `POST ${path} HTTP/1.1\r\n${lines.join('\r\n')}${END_OF_HEADERS}${text}`;
}

/** The answer that `received` holds, or null when it is not all there yet. */
function read(received: Buffer, ms: number): CrowdAnswer | null {
  const end = received.indexOf(END_OF_HEADERS);
  if (end < 0) return null;
  const [statusLine = '', ...lines] = received.toString('latin1', 0, end).split('\r\n');
  const headers = Object.fromEntries(
    lines.map((line) => {
      const colon = line.indexOf(':');
      return [line.slice(0, colon).toLowerCase(), line.slice(colon + 1).trim()];
    }),
  );
  const from = end + END_OF_HEADERS.length;
  const to = from + Number(headers['content-length']);
  if (received.length < to) return null;
  return { status: Number(statusLine.split(' ')[1]), headers, text: received.toString('utf8', from, to), ms };
}

function exchange(socket: Socket, request: CrowdRequest): Promise<CrowdAnswer> {
  const started = performance.now();
  return new Promise((resolve, reject) => {
    let received: Buffer = Buffer.alloc(0);
    const broken = () => reject(new Error('the server ended the connection before its answer'));
    const take = (part: Buffer) => {
      received = received.length === 0 ? part : Buffer.concat([received, part]);
      const answer = read(received, performance.now() - started);
      if (!answer) return;
      socket.off('data', take).off('close', broken);
      resolve(answer);
    };
    socket.on('data', take).on('close', broken);
    socket.write(write(request));
  });
}

const answers: CrowdAnswer[] = [];
const places = requests.keys();

async function connection(): Promise<void> {
  const socket = connect({ host: hostname, port: Number(port), noDelay: true });
  await new Promise<void>((resolve, reject) => socket.once('connect', resolve).once('error', reject));
  for (const place of places) answers[place] = await exchange(socket, requests[place] as CrowdRequest);
  socket.destroy();
}

const started = performance.now();
await Promise.all(Array.from({ length: connections }, connection));
parentPort?.postMessage({ answers, ms: performance.now() - started });
