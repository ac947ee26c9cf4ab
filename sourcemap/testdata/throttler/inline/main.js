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
//# sourceMappingURL=data:application/json;base64,eyJ2ZXJzaW9uIjozLCJmaWxlIjoibWFpbi5qcyIsInNvdXJjZVJvb3QiOiIiLCJzb3VyY2VzIjpbIi4uL3NyYy9tYWluLnRzIl0sIm5hbWVzIjpbXSwibWFwcGluZ3MiOiI7O0FBQUEscUZBQXFGO0FBQ3JGLGlCQUFpQjtBQUNqQiwyREFBOEQ7QUFDOUQseURBQThEO0FBSzlELE1BQU0sS0FBSyxHQUFHLElBQUksNEJBQVksQ0FBVSxHQUFHLENBQUMsQ0FBQztBQUM3QyxNQUFNLE9BQU8sR0FBRyxJQUFJLDJDQUF1QixDQUFDLEtBQUssQ0FBQyxDQUFDO0FBQ25ELEtBQUssQ0FBQyxLQUFLLENBQUMsU0FBUyxLQUFLLENBQUMsT0FBTztJQUNoQyxPQUFPLENBQUMsSUFBSSxFQUFFLENBQUM7QUFDakIsQ0FBQyxDQUFDLENBQUM7QUFFSCxLQUFLLFVBQVUsSUFBSTtJQUNqQixLQUFLLE1BQU0sTUFBTSxJQUFJLENBQUMsR0FBRyxFQUFFLEdBQUcsRUFBRSxHQUFHLENBQUM7UUFBRSxNQUFNLE9BQU8sQ0FBQyxTQUFTLENBQUMsTUFBTSxDQUFDLENBQUM7SUFDckUsVUFBOEQsQ0FBQyxPQUFPLEdBQUcsT0FBTyxDQUFDO0lBQ2xGLE9BQU8sQ0FBQyxLQUFLLENBQUMsRUFBRSxDQUFDLEtBQUssRUFBRSxHQUFHLEVBQUUsQ0FBQyxPQUFPLENBQUMsSUFBSSxDQUFDLENBQUMsQ0FBQyxDQUFDLENBQUMsTUFBTSxFQUFFLENBQUM7SUFDeEQsT0FBTyxDQUFDLEdBQUcsQ0FBQyxPQUFPLENBQUMsQ0FBQztBQUN2QixDQUFDO0FBRUQsS0FBSyxJQUFJLEVBQUUsQ0FBQyJ9