"use strict";
var __classPrivateFieldGet = (this && this.__classPrivateFieldGet) || function (receiver, state, kind, f) {
    if (kind === "a" && !f) throw new TypeError("Private accessor was defined without a getter");
    if (typeof state === "function" ? receiver !== state || !f : !state.has(receiver)) throw new TypeError("Cannot read private member from an object whose class did not declare it");
    return kind === "m" ? f : kind === "a" ? f.call(receiver) : f ? f.value : state.get(receiver);
};
var __classPrivateFieldSet = (this && this.__classPrivateFieldSet) || function (receiver, state, value, kind, f) {
    if (kind === "m") throw new TypeError("Private method is not writable");
    if (kind === "a" && !f) throw new TypeError("Private accessor was defined without a setter");
    if (typeof state === "function" ? receiver !== state || !f : !state.has(receiver)) throw new TypeError("Cannot write private member to an object whose class did not declare it");
    return (kind === "a" ? f.call(receiver, value) : f ? f.value = value : state.set(receiver, value)), value;
};
var _ThrottlerStorageService_hits;
Object.defineProperty(exports, "__esModule", { value: true });
exports.ThrottlerStorageService = void 0;
var Window;
(function (Window) {
    Window[Window["Short"] = 1000] = "Short";
    Window[Window["Long"] = 60000] = "Long";
})(Window || (Window = {}));
class ThrottlerStorageService {
    constructor(store, options = {}) {
        this.store = store;
        this.options = options;
        this.timeoutIds = [];
        _ThrottlerStorageService_hits.set(this, 0);
    }
    async increment(client) {
        var _a;
        const ttl = this.options.ttl ?? Window.Long;
        const remove = this.store.add({ client, hits: __classPrivateFieldSet(this, _ThrottlerStorageService_hits, (_a = __classPrivateFieldGet(this, _ThrottlerStorageService_hits, "f"), ++_a), "f") });
        await Promise.resolve();
        this.timeoutIds.push(function expire() {
            return ttl > 0 && remove();
        });
        return __classPrivateFieldGet(this, _ThrottlerStorageService_hits, "f");
    }
}
exports.ThrottlerStorageService = ThrottlerStorageService;
_ThrottlerStorageService_hits = new WeakMap();
//# sourceMappingURL=data:application/json;base64,eyJ2ZXJzaW9uIjozLCJmaWxlIjoidGhyb3R0bGVyLnNlcnZpY2UuanMiLCJzb3VyY2VSb290IjoiIiwic291cmNlcyI6WyIuLi9zcmMvdGhyb3R0bGVyLnNlcnZpY2UudHMiXSwibmFtZXMiOltdLCJtYXBwaW5ncyI6Ijs7Ozs7Ozs7Ozs7Ozs7O0FBRUEsSUFBSyxNQUdKO0FBSEQsV0FBSyxNQUFNO0lBQ1Qsd0NBQWEsQ0FBQTtJQUNiLHVDQUFhLENBQUE7QUFDZixDQUFDLEVBSEksTUFBTSxLQUFOLE1BQU0sUUFHVjtBQU1ELE1BQWEsdUJBQXVCO0lBSWxDLFlBQ21CLEtBQTRCLEVBQzVCLFVBQW1CLEVBQUU7UUFEckIsVUFBSyxHQUFMLEtBQUssQ0FBdUI7UUFDNUIsWUFBTyxHQUFQLE9BQU8sQ0FBYztRQUwvQixlQUFVLEdBQXlCLEVBQUUsQ0FBQztRQUMvQyx3Q0FBUSxDQUFDLEVBQUM7SUFLUCxDQUFDO0lBRUosS0FBSyxDQUFDLFNBQVMsQ0FBQyxNQUFjOztRQUM1QixNQUFNLEdBQUcsR0FBVyxJQUFJLENBQUMsT0FBTyxDQUFDLEdBQUcsSUFBSSxNQUFNLENBQUMsSUFBSSxDQUFDO1FBQ3BELE1BQU0sTUFBTSxHQUFHLElBQUksQ0FBQyxLQUFLLENBQUMsR0FBRyxDQUFDLEVBQUUsTUFBTSxFQUFFLElBQUksRUFBRSw0REFBQSxDQUFFLHFFQUFVLEVBQVosSUFBWSxDQUFBLE1BQUEsRUFBRSxDQUFDLENBQUM7UUFDOUQsTUFBTSxPQUFPLENBQUMsT0FBTyxFQUFFLENBQUM7UUFDeEIsSUFBSSxDQUFDLFVBQVUsQ0FBQyxJQUFJLENBQUMsU0FBUyxNQUFNO1lBQ2xDLE9BQU8sR0FBRyxHQUFHLENBQUMsSUFBSSxNQUFNLEVBQUUsQ0FBQztRQUM3QixDQUFDLENBQUMsQ0FBQztRQUNILE9BQU8sdUJBQUEsSUFBSSxxQ0FBTSxDQUFDO0lBQ3BCLENBQUM7Q0FDRjtBQWxCRCwwREFrQkMifQ==