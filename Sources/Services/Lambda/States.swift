import AWSWire

/// How a function moves between its states: https://docs.aws.amazon.com/lambda/latest/dg/functions-states.html
///
///     create ───────→ Pending
///     Pending ──deployed──→ Active, Successful         ──not deployed──→ Failed
///     Active or Failed ──update──→ as before, InProgress
///     InProgress ──deployed──→ Active, Successful      ──not deployed──→ as before, Failed
extension FunctionRecord {
    /// A function that CreateFunction has accepted.
    init(creating key: FunctionKey, settings: FunctionSettings, tags: [String: String], revisionID: String, now: Int64)
    {
        self.init(
            key: key, settings: settings, serving: nil, state: .pending, updateStatus: .none, revisionID: revisionID,
            lastModified: now, tags: tags, reservedConcurrency: nil, creation: Int64.random(in: 1 ... .max))
    }

    /// Whether the background worker owes this function a deployment.
    var isUnfinished: Bool { state == .pending || updateStatus == .inProgress }

    /// - Throws: `ResourceConflictException` while the function is being created or updated.
    func requireUpdatable() throws(AWSError) {
        if state == .pending { throw .unfitState("Pending") }
        if updateStatus == .inProgress { throw .updateInProgress(arn) }
    }

    /// - Throws: `PreconditionFailedException` when `expected` is another revision than this.
    func requireRevision(_ expected: String?) throws(AWSError) {
        if let expected, expected != revisionID { throw .revisionMismatch }
    }

    /// Takes new settings; invocations run the old ones until ``deployed(revisionID:)``.
    mutating func beginUpdate(_ settings: FunctionSettings, revisionID: String, now: Int64) {
        self.settings = settings
        self.revisionID = revisionID
        lastModified = now
        updateStatus = .inProgress
    }

    /// The settings' code is in place.
    mutating func deployed(revisionID: String) {
        serving = settings
        state = .active
        updateStatus = .successful
        self.revisionID = revisionID
    }

    /// The settings cannot be put to work. What served before goes on serving.
    mutating func notDeployed(_ reason: StateReason, revisionID: String) {
        if state == .pending { state = .failed(reason) }
        updateStatus = .failed(reason)
        self.revisionID = revisionID
    }

    /// Makes a version of the settings as they are now: it serves as soon as they do, with SnapStart once it has been
    /// initialised.
    ///
    /// - Returns: The version; the function counts on.
    mutating func publish(description: String?, now: Int64) -> FunctionRecord {
        var version = self
        version.version = String(nextVersion)
        if let description { version.settings.description = description }
        version.serving = serving?.deployment == settings.deployment && !version.isSnapStart ? version.settings : nil
        version.state = version.serving == nil ? .pending : .active
        version.updateStatus = version.serving == nil ? .none : .successful
        version.revisionID = RequestID.make()
        version.lastModified = now
        nextVersion += 1
        revisionID = RequestID.make()
        return version
    }
}
