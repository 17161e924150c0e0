#if canImport(Glibc)
    import Glibc
#endif

extension ControlGroups {
    /// Whether groups without controllers could be made to freeze by.
    package static func canFreeze(in layout: ControlGroupLayout) -> Bool {
        guard let own = layout.unified?.ownGroup else { return false }
        return access(own, W_OK) == 0 && access(own + "/cgroup.procs", W_OK) == 0
    }

    /// The version in which each controller could be used by ``prepare()``, as far as it can be told without changing
    /// anything: in version 1 our group must be writable, in version 2 a group that gives the controller, or may. A
    /// group with other processes than this one in it may not.
    package static func available(in layout: ControlGroupLayout) -> [Controller: Int] {
        var found: [Controller: Int] = [:]
        for (controller, place) in layout.legacy where access(place.ownGroup, W_OK) == 0 { found[controller] = 1 }
        guard let unified = layout.unified else { return found }
        for candidate in UnifiedHierarchy(unified).candidates() {
            guard access(candidate, W_OK) == 0, access(candidate + "/cgroup.procs", W_OK) == 0,
                access(candidate + "/cgroup.subtree_control", W_OK) == 0
            else { continue }
            guard let present = try? UnifiedHierarchy.processesInTheWay(in: candidate),
                present.allSatisfy({ $0 == getpid() })
            else { continue }
            let offered = (try? KernelFile.read(candidate + "/cgroup.controllers")) ?? ""
            for controller in UnifiedHierarchy.controllers(offered) where layout.legacy[controller] == nil {
                found[controller] = 2
            }
        }
        return found
    }
}
