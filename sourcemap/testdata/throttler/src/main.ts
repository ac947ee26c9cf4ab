// A service that keeps what it should forget. Tests look for where its functions and
// classes stand.
import { ThrottlerStorageService } from './throttler.service';
import { Session, SessionStore } from './store/session.store';

declare const process: { stdin: { on(event: string, f: () => void): { resume(): void } }; exit(code: number): never };
declare const console: { log(text: string): void };

const store = new SessionStore<Session>(100);
const service = new ThrottlerStorageService(store);
store.onAdd(function added(session) {
  session.hits++;
});

async function main(): Promise<void> {
  for (const client of ['a', 'b', 'c']) await service.increment(client);
  (globalThis as unknown as { service: ThrottlerStorageService }).service = service;
  process.stdin.on('end', () => process.exit(0)).resume();
  console.log('ready');
}

void main();
