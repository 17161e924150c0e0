import CLinux
import Linux
import Sandbox

#if canImport(Glibc)
    import Glibc
#endif

/// Sandboxes that are made before anybody asks for them: with the runtime of a recent request waiting inside, or with
/// nothing but an init. None ever holds anybody's code before it is given away, and none is given away twice.
extension Launcher {
    /// Slots that spares never take from requests. A launcher with hardly more makes none.
    private static let reservedSlots = 128

    /// Something may be made ready for such a request.
    func expect(_ request: LauncherRequest.StartRequest, _ packet: UnsafeRawBufferPointer) {
        guard let recipe = SpareRecipe.booted(request, packet) ?? .parked(request) else { return }
        shelf.expect(recipe, limits: request.limits, now: .now)
    }

    /// Gives a request a sandbox that was made ahead; false when there is none for it.
    /// - Throws: when the request's code is not there; then a new sandbox would not start either.
    func adopt(
        _ request: LauncherRequest.StartRequest, _ packet: UnsafeMutableRawBufferPointer
    ) throws(SandboxError) -> Bool {
        guard let parked = SpareRecipe.parked(request), host.root(named: parked.root) != nil else { return false }
        do throws(SystemCallError) {
            let goods = try Furnisher.Goods.open(request, in: host)
            if goods.hasExtensions { return false }
            var recipes = [parked]
            if let booted = SpareRecipe.booted(request, UnsafeRawBufferPointer(packet)) {
                recipes.insert(booted, at: 0)
            }
            for recipe in recipes {
                if let slot = shelf.take(recipe, limits: request.limits, now: .now),
                    give(slot, recipe, to: request, packet, goods)
                {
                    return true
                }
                if fork(request, packet, recipe) { return true }
            }
            return false
        } catch {
            throw SandboxError(operation: error.operation, subject: error.subject, errno: error.errno)
        }
    }

    /// Whether it could be done; a spare that fails is ended.
    private func give(
        _ slot: Int, _ recipe: SpareRecipe, to request: LauncherRequest.StartRequest,
        _ packet: UnsafeMutableRawBufferPointer, _ goods: borrowing Furnisher.Goods
    ) -> Bool {
        guard var record = sandboxes[slot] else { return false }
        do throws(SystemCallError) {
            try furnisher.furnish(&record, for: request, packet, with: goods, recipe)
            record.id = request.id
            // The server makes ready for the command while it starts; a command that does not is an end that has a
            // reason.
            try reportStart(&record)
            if record.isAwaited { starting += 1 }
            sandboxes[slot] = record
            slotByID[request.id] = slot
            return true
        } catch {
            // Nobody's again, so that its end is no news; what it has closed by now is not closed again.
            record.id = 0
            record.state = .spare
            sandboxes[slot] = record
            _ = apus_pidfd_kill(record.pidfd, SIGKILL)
            shelf.failed(recipe, now: .now)
            return false
        }
    }

    // MARK: Making and giving back

    /// Their memory is wanted.
    func endSpares() {
        for slot in shelf.clear(now: .now) {
            if let record = sandboxes[slot] { _ = apus_pidfd_kill(record.pidfd, SIGKILL) }
        }
    }

    /// Whether one is to be made when the loop has nothing else to do.
    var wantsSpare: Bool {
        slots.count > Self.reservedSlots && wantedSpare() != nil
            && host.weaknesses.allSatisfy(host.configuration.accepted.contains)
    }

    /// Whether that would be a fork, which takes hardly more time than a request.
    var forksSpare: Bool {
        guard let (recipe, _) = shelf.wanted(now: .now), case .fork = way(recipe) else { return false }
        return wantsSpare
    }

    /// While a zygote starts, one spare of its recipe is made without it.
    private func wantedSpare() -> (recipe: SpareRecipe, limits: SandboxLimits)? {
        shelf.wanted(now: .now) { way($0) != .wait || shelf.count(of: $0) == 0 }
    }

    /// Makes one spare, and ends those that are not wanted any more.
    func tendShelf() {
        for slot in shelf.ready {
            if let record = sandboxes[slot] { shelf.weigh(slot: slot, bytes: record.group.memoryInUse()) }
        }
        for slot in shelf.removeExcess(now: .now) {
            if let record = sandboxes[slot] { _ = apus_pidfd_kill(record.pidfd, SIGKILL) }
        }
        tendZygotes()
        guard wantsSpare, let (recipe, limits) = wantedSpare() else { return }
        var zygote: Int?
        switch way(recipe) {
        case .start:
            if let recipe = recipe.zygote { startZygote(recipe) }
            return
        case .fork(let number): zygote = number
        case .wait, .alone: break
        }
        guard let slot = slots.take() else { return }
        do {
            var bytes = recipe.packet(limits: limits)
            let record = try bytes.withUnsafeMutableBytes { bytes in
                let request = try LauncherRequest(decoding: UnsafeRawBufferPointer(bytes))
                guard case .start(let request) = request else { throw PacketError("kind") }
                let ahead: SandboxStart.Ahead = recipe.command == nil ? .parked : .booted
                var record = try SandboxStart(
                    host: host, request: request, packet: bytes, slot: slot, ahead: ahead,
                    zygote: zygote.flatMap { zygoteRecords[$0]?.socket }
                ).run()
                record.state = .spare
                record.origin = zygote != nil ? .forked : recipe.command == nil ? .parked : .booted
                return record
            }
            if let zygote { zygotes.used(zygote, now: .now) }
            sandboxes[slot] = record
            shelf.began(recipe, slot: slot)
            watch(record, in: slot)
        } catch {
            if sandboxes[slot] == nil { giveBack(slot) }
            if let zygote, let error = error as? SandboxError { forkFailed(zygote, error) }
            shelf.failed(recipe, now: .now)
        }
    }
}
