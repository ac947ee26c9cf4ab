"use strict";
Object.defineProperty(exports, "__esModule", { value: true });
exports.SessionStore = void 0;
class SessionStore {
    constructor(limit) {
        this.limit = limit;
        this.sessions = new Map();
    }
    add(session) {
        this.sessions.set(session.client, session);
        this.listener?.(session);
        return () => this.sessions.delete(session.client);
    }
    onAdd(listener) {
        this.listener = listener;
    }
    get full() {
        return this.sessions.size >= this.limit;
    }
}
exports.SessionStore = SessionStore;
//# sourceMappingURL=session.store.js.map