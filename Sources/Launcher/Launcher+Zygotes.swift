import CLinux
import Linux
import Sandbox

#if canImport(Glibc)
    import Glibc
#endif

/// Sandboxes that are forked from a process which has loaded their runtime.
extension Launcher {
    /// How a spare, or a sandbox that no spare is there for, is made of this recipe.
    func way(_ recipe: SpareRecipe) -> ZygoteStock.Way {
        guard let recipe = recipe.zygote, zygoteMaker.isAble else { return .alone }
        return zygotes.way(recipe, now: .now)
    }

    /// Starts a sandbox for a request by a fork; false when it has to start otherwise.
    func fork(
        _ request: LauncherRequest.StartRequest, _ packet: UnsafeMutableRawBufferPointer, _ recipe: SpareRecipe
    ) -> Bool {
        guard case .fork(let number) = way(recipe), let zygote = zygoteRecords[number], let slot = slots.take()
        else { return false }
        let start = SandboxStart(host: host, request: request, packet: packet, slot: slot, zygote: zygote.socket)
        var record: SandboxRecord
        do throws(SandboxError) {
            record = try start.run()
        } catch {
            giveBack(slot)
            // A start without the zygote says what is wrong with the request.
            forkFailed(number, error)
            return false
        }
        record.origin = .forked
        do throws(SystemCallError) {
            try furnisher.send(request, packet, to: record, isParked: false)
        } catch {
            // It will never begin: its end is the failure.
            _ = apus_pidfd_kill(record.pidfd, SIGKILL)
        }
        close(record.binding)
        record.binding = -1
        zygotes.used(number, now: .now)
        starting += 1
        sandboxes[slot] = record
        slotByID[request.id] = slot
        watch(record, in: slot)
        return true
    }

    /// A zygote that does not answer is of no use. It may have made an init, which ends, as nobody holds the other ends
    /// of what it has.
    func forkFailed(_ number: Int, _ error: SandboxError) {
        guard error.operation == "clone3", [EPIPE, ETIMEDOUT].contains(error.errno) else { return }
        strays += 1
        if let record = zygoteRecords[number] { _ = apus_pidfd_kill(record.pidfd, SIGKILL) }
    }

    /// Collects the children of whose start nobody heard. Of all others the end comes by their descriptors before the
    /// loop is idle twice.
    private func reapStray() {
        guard strays > 0 else { return }
        let ended = apus_ended_child()
        if ended > 0, ended == endedChild {
            apus_reap(ended)
            strays -= 1
        }
        endedChild = ended
    }

    // MARK: Beginnings and ends

    func startZygote(_ recipe: ZygoteRecipe) {
        zygoteCount += 1
        let number = zygoteCount
        zygotes.began(recipe, number: number, now: .now)
        do throws(SystemCallError) {
            let record = try zygoteMaker.start(recipe, number: number, by: furnisher)
            zygoteRecords[number] = record
            try poller.add(record.socket, .zygote(number: number))
            try poller.add(record.pidfd, .zygoteEnd(number: number))
        } catch {
            if let record = zygoteRecords[number] { _ = apus_pidfd_kill(record.pidfd, SIGKILL) }
            zygotes.ended(number, isFinal: false, now: .now)
        }
    }

    /// What it says by itself is where it lives, if that is new, and that it serves; answers to requests are waited
    /// for.
    func zygoteSpoke(_ number: Int) {
        guard var record = zygoteRecords[number] else { return }
        var byte: UInt8 = 0
        var place: Int32 = -1
        var count: Int32 = 1
        let size = apus_receive(record.socket, &byte, 1, &place, &count, Int32(MSG_DONTWAIT))
        if size == 1, count == 1, record.place < 0 {
            record.place = place
        } else {
            if count == 1 { close(place) }
            poller.remove(record.socket)
            if size == 1 {
                zygoteMaker.served(&record)
                zygotes.ready(number, now: .now)
            }
        }
        zygoteRecords[number] = record
    }

    func zygoteEnded(_ number: Int) {
        guard let record = zygoteRecords.removeValue(forKey: number) else { return }
        var code: Int32 = 0
        var status: Int32 = 0
        let reaped = apus_pidfd_reap(record.pidfd, &code, &status)
        let final = [APUS_ZYGOTE_DISTRUSTED, APUS_ZYGOTE_UNABLE].map { Int32($0.rawValue) }
        let isFinal = reaped == 1 && code == Int32(CLD_EXITED) && final.contains(status)
        zygotes.ended(number, isFinal: isFinal, now: .now)
        poller.remove(record.pidfd)
        poller.remove(record.socket)
        record.closeDescriptors()
        if !record.group.remove() { busyZygoteGroups.append(record.group) }
    }

    /// Idle work: ends those that are not needed any more, and replaces the worn. Their forks live on.
    func tendZygotes() {
        busyZygoteGroups.removeAll { $0.remove() }
        reapStray()
        for number in zygotes.removeExcess(now: .now) {
            if let record = zygoteRecords[number] { _ = apus_pidfd_kill(record.pidfd, SIGKILL) }
        }
        if let recipe = zygotes.worn(now: .now) { startZygote(recipe) }
    }
}
