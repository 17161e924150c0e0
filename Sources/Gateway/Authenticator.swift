import AWSWire
import Identity
import NIOCore
import NIOHTTP1

/// Finds out who makes a request: in two steps, so that what fails early fails before the body is taken.
struct Authenticator: Sendable {
    /// What is known of a request once its head is read.
    struct Admission {
        var caller: Caller
        /// The service that the request is for; nil when it does not say.
        var service: String?
        /// What the body has to be checked against; nil with authentication off.
        var pending: (claim: SigV4.Claim, secretAccessKey: String)?
    }

    private let mode: GatewayConfiguration.Authentication
    private let account: AccountID
    private let region: String
    private let keys: KeyStore
    private let directory: ServiceDirectory
    private let clock: @Sendable () -> SigV4Time
    private let signingKeys = SigV4.KeyCache()

    init(_ configuration: GatewayConfiguration, keys: KeyStore, directory: ServiceDirectory) {
        mode = configuration.authentication
        account = configuration.account
        region = configuration.region
        clock = configuration.clock
        self.keys = keys
        self.directory = directory
    }

    /// What a request says about who signed it, read once for all that ask.
    typealias Presented = Result<SigV4.Claim, SigV4Failure>

    /// - Returns: nil with authentication off, for which nobody need have signed.
    func read(_ request: SigV4.Request) -> Presented? {
        if mode == .off { return nil }
        do throws(SigV4Failure) { return .success(try SigV4.Claim(request)) } catch { return .failure(error) }
    }

    /// The service that a request says it is for, whoever signed it: chooses the protocol of an error.
    func service(of request: SigV4.Request, _ presented: Presented?) -> String? {
        let named: String?
        if case .success(let claim) = presented {
            named = claim.scope.service
        } else {
            named = SigV4.Hint(request).service
        }
        if let named, directory[named] != nil { return named }
        return directory.target(of: request) ?? serviceForAnybody(request, presented)
    }

    /// The service that a request is for which nobody signed and that names none, where one takes such requests.
    ///
    /// They are forms of whoever has a token of an identity provider instead of a signature, and links that SNS sent.
    /// Which operation it is, and whether nobody need have signed it, is the service's business.
    private func serviceForAnybody(_ request: SigV4.Request, _ presented: Presented?) -> String? {
        if let presented {
            guard case .failure(let failure) = presented, failure.code == .missingAuthenticationToken else {
                return nil
            }
        } else if SigV4.Hint(request).service != nil {
            return nil
        }
        guard request.path == "/", request.headers.first(name: "x-amz-target") == nil else { return nil }
        let form = "application/x-www-form-urlencoded"
        var name: String?
        if let query = request.query,
            query.contains("Action=ConfirmSubscription") || query.contains("Action=Unsubscribe")
        {
            name = "sns"
        } else if request.headers.first(name: "content-type")?.hasPrefix(form) ?? false
            || request.query?.contains("Action=AssumeRoleWith") ?? false
        {
            name = "sts"
        }
        guard let name, directory[name] != nil else { return nil }
        let target = directory.target(of: request)
        return target == nil || target == name ? name : nil
    }

    /// - Parameter service: the service that the scope must name; nil asks the request's target.
    func admit(_ request: SigV4.Request, _ presented: Presented?, service: String? = nil) throws(SigV4Failure)
        -> Admission
    {
        if presented != nil, service == nil, let name = serviceForAnybody(request, presented) {
            return Admission(caller: Caller(.anonymous(account), region: region), service: name, pending: nil)
        }
        guard let presented else { return admitAnybody(request, service: service) }
        return try admitSigned(request, try presented.get(), service: service)
    }

    /// Lets a request to a page in: whom its signature names, or nobody in particular.
    ///
    /// - Parameter isForeign: a page of another site asks, for which without authentication nobody has signed.
    func admit(_ request: SigV4.Request, to access: GatewayRoute.Access, isForeign: Bool) throws(SigV4Failure)
        -> Admission
    {
        switch access {
        case .signed(let service): return try admit(request, read(request), service: service)
        case .offered(let service):
            let isSigned = mode == .on ? SigV4.Hint(request).accessKeyID != nil : !isForeign
            return isSigned ? try admit(request, read(request), service: service) : anonymous
        case .open: return anonymous
        }
    }

    private var anonymous: Admission {
        Admission(caller: Caller(.anonymous(account), region: region), service: nil, pending: nil)
    }

    /// Checks what the head could not tell.
    ///
    /// - Returns: the payload without any aws-chunked framing.
    func verify(_ request: SigV4.Request, body: ByteBuffer, _ admission: Admission) throws(SigV4Failure) -> ByteBuffer {
        if let (claim, secret) = admission.pending {
            return try claim.verify(request, body: body, secretAccessKey: secret, keys: signingKeys)
        }
        let declared = request.headers.first(name: "x-amz-content-sha256")
        guard case .chunks = SigV4.payload(declared: declared, otherwise: .body) else { return body }
        return try SigV4.unframe(
            body, decodedLength: request.headers.first(name: "x-amz-decoded-content-length"), seed: nil)
    }

    private func admitSigned(
        _ request: SigV4.Request, _ claim: SigV4.Claim, service: String?
    ) throws(SigV4Failure) -> Admission {
        try claim.check(request, now: clock(), service: service ?? directory.target(of: request))
        let record = try keys.record(for: claim)
        return Admission(
            caller: Caller(record.principal, region: claim.scope.region), service: claim.scope.service,
            pending: (claim, record.secretAccessKey))
    }

    private func admitAnybody(_ request: SigV4.Request, service: String?) -> Admission {
        let hint = SigV4.Hint(request)
        let token = request.headers.first(name: "x-amz-security-token")
        let record = hint.accessKeyID.flatMap { keys.record(accessKeyID: $0, sessionToken: token) }
        let account = hint.accessKeyID.flatMap { AccountID($0) } ?? self.account
        let principal = record?.principal ?? .root(account, accessKeyID: hint.accessKeyID ?? "")
        return Admission(
            caller: Caller(principal, region: hint.region ?? record?.region ?? region),
            service: service ?? self.service(of: request, nil) ?? hint.service, pending: nil)
    }
}
