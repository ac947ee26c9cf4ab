/** What is known of one client. */
export interface Session {
  readonly client: string;
  hits: number;
}

type Listener = (session: Session) => void;

export class SessionStore<T extends Session> {
  private readonly sessions = new Map<string, T>();
  private listener?: Listener;

  constructor(private readonly limit: number) {}

  add(session: T): () => boolean {
    this.sessions.set(session.client, session);
    this.listener?.(session);
    return () => this.sessions.delete(session.client);
  }

  onAdd(listener: Listener): void {
    this.listener = listener;
  }

  get full(): boolean {
    return this.sessions.size >= this.limit;
  }
}
