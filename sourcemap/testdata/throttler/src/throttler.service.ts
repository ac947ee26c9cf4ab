import { Session, SessionStore } from './store/session.store';

enum Window {
  Short = 1_000,
  Long = 60_000,
}

interface Options {
  ttl?: Window;
}

export class ThrottlerStorageService {
  readonly timeoutIds: Array<() => boolean> = [];
  #hits = 0;

  constructor(
    private readonly store: SessionStore<Session>,
    private readonly options: Options = {},
  ) {}

  async increment(client: string): Promise<number> {
    const ttl: number = this.options.ttl ?? Window.Long;
    const remove = this.store.add({ client, hits: ++this.#hits });
    await Promise.resolve();
    this.timeoutIds.push(function expire(): boolean {
      return ttl > 0 && remove();
    });
    return this.#hits;
  }
}
