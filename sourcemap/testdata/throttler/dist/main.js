"use strict";
Object.defineProperty(exports, "__esModule", { value: true });
// A service that keeps what it should forget. Tests look for where its functions and
// classes stand.
const throttler_service_1 = require("./throttler.service");
const session_store_1 = require("./store/session.store");
const store = new session_store_1.SessionStore(100);
const service = new throttler_service_1.ThrottlerStorageService(store);
store.onAdd(function added(session) {
    session.hits++;
});
async function main() {
    for (const client of ['a', 'b', 'c'])
        await service.increment(client);
    globalThis.service = service;
    process.stdin.on('end', () => process.exit(0)).resume();
    console.log('ready');
}
void main();
//# sourceMappingURL=main.js.map