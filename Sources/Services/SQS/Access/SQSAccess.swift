import AWSWire
import Identity
import Policies
import SQSModel

/// What each operation has to be allowed, as the Service Authorization Reference lists it.
///
/// https://docs.aws.amazon.com/service-authorization/latest/reference/list_amazonsqs.html
extension SQSService {
    /// The queue that a request names, for one who may do that with it.
    ///
    /// - Throws: `AccessDenied`, `QueueDoesNotExist`.
    func queue(
        _ url: String, for action: SQS.Operation, _ request: ServiceRequest,
        context: @autoclosure () -> AccessContext = [:]
    ) throws(AWSError) -> Queue {
        guard !url.isEmpty else { throw .missingParameter("QueueUrl") }
        let key = try QueueURL.queue(url, request)
        let queue = queues[key]
        try authorize(action, on: key, queue, request, context: context())
        guard let queue else { throw .noQueue(in: request) }
        return queue
    }

    /// Refuses what the caller may not do.
    func authorize(
        _ operation: SQS.Operation, on key: QueueKey, _ queue: Queue?, _ request: ServiceRequest,
        context: @autoclosure () -> AccessContext = [:]
    ) throws(AWSError) {
        let caller = request.caller
        // No policy lets other accounts do these.
        if key.account != caller.account.digits, operation.isOwnersOnly {
            throw .denied(
                "User: \(caller.principalARN) is not authorized to perform: \(operation.action.lowercased()) on "
                    + "resource: \(key.arn) because no resource-based policy allows the "
                    + "\(operation.action.lowercased()) action")
        }
        let policy = queue?.policy
        if policy == nil, key.account == caller.account.digits, caller.principal.isUnlimited { return }
        var all = context()
        for (tag, value) in queue?.definition.tags ?? [:] { all["aws:ResourceTag/\(tag)"] = [value] }
        try require(
            operation.action, on: ProtectedResource(key.arn, account: key.account, policy: policy), request,
            context: all)
    }

    /// - Parameter action: With its service.
    func require(
        _ action: String, on resource: ProtectedResource, _ request: ServiceRequest,
        context: AccessContext = [:]
    ) throws(AWSError) {
        do {
            try authorizer.require(action, on: resource, request, wire: SQS.query, context: context)
        } catch {
            throw .denied(error.message.replacing(action, with: action.lowercased()))
        }
    }

    /// The condition keys that tags in a request are.
    static func context(settingTags tags: [String: String]?) -> AccessContext {
        AccessContext(settingTags: (tags ?? [:]).map { ($0.key, $0.value) })
    }
}

extension AWSError {
    /// SQS names actions in lower case here.
    static func denied(_ message: String) -> AWSError {
        AWSError(code: "AccessDeniedException", queryCode: "AccessDenied", message: message, status: 403)
    }
}

extension SQS.Operation {
    /// As policies name it: batches are allowed with what they are batches of.
    var action: String {
        switch self {
        case .sendMessageBatch: "sqs:SendMessage"
        case .deleteMessageBatch: "sqs:DeleteMessage"
        case .changeMessageVisibilityBatch: "sqs:ChangeMessageVisibility"
        default: "sqs:\(rawValue)"
        }
    }

    /// https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/sqs-overview-of-managing-access.html
    var isOwnersOnly: Bool {
        switch self {
        case .addPermission, .cancelMessageMoveTask, .createQueue, .deleteQueue, .listMessageMoveTasks, .listQueues,
            .listQueueTags, .removePermission, .setQueueAttributes, .startMessageMoveTask, .tagQueue, .untagQueue:
            true
        default: false
        }
    }
}
