import AWSWire
import IAMModel

/// What IAM says when something cannot be done. Codes, statuses and wordings are AWS's.
extension AWSError {
    // MARK: There is none

    static func noRole(_ name: String) -> AWSError {
        IAMError.noSuchEntity(message: "The role with name \(name) cannot be found.")
    }
    static func noUser(_ name: String) -> AWSError {
        IAMError.noSuchEntity(message: "The user with name \(name) cannot be found.")
    }
    static func noGroup(_ name: String) -> AWSError {
        IAMError.noSuchEntity(message: "The group with name \(name) cannot be found.")
    }
    static func noProfile(_ name: String) -> AWSError {
        IAMError.noSuchEntity(message: "Instance Profile \(name) cannot be found.")
    }
    static func noPolicy(_ arn: String) -> AWSError {
        IAMError.noSuchEntity(message: "Policy \(arn) was not found.")
    }
    static func notAttachable(_ arn: String) -> AWSError {
        IAMError.noSuchEntity(message: "Policy \(arn) does not exist or is not attachable.")
    }
    static func noVersion(_ arn: String, _ version: String) -> AWSError {
        IAMError.noSuchEntity(message: "Policy \(arn) version \(version) does not exist or is not attachable.")
    }
    static func noInlinePolicy(_ name: String, of kind: EntityKind) -> AWSError {
        IAMError.noSuchEntity(message: "The \(kind.word) policy with name \(name) cannot be found.")
    }
    static func noKey(_ id: String) -> AWSError {
        IAMError.noSuchEntity(message: "The Access Key with id \(id) cannot be found.")
    }
    static func noLogin(_ user: String) -> AWSError {
        IAMError.noSuchEntity(message: "Login Profile for User \(user) cannot be found.")
    }
    static func noProvider(_ arn: String) -> AWSError {
        IAMError.noSuchEntity(message: "OpenIDConnect Provider not found for arn \(arn)")
    }

    // MARK: There is one

    static func taken(_ kind: EntityKind, _ name: String) -> AWSError {
        let word = kind.word.prefix(1).uppercased() + kind.word.dropFirst()
        return IAMError.entityAlreadyExists(message: "\(word) with name \(name) already exists.")
    }

    // MARK: Not now

    static func mustFirst(_ what: String) -> AWSError {
        IAMError.deleteConflict(message: "Cannot delete entity, must \(what) first.")
    }
    static func exceeds(_ quota: String, _ limit: Int) -> AWSError {
        IAMError.limitExceeded(message: "Cannot exceed quota for \(quota): \(limit)")
    }
    static func protected(_ role: String) -> AWSError {
        IAMError.unmodifiableEntity(
            message:
                "Cannot perform the operation on the protected role '\(role)' - this role is only modifiable by AWS"
        )
    }

    // MARK: Not so

    static func invalid(_ message: String) -> AWSError {
        AWSError(code: "ValidationError", message: message, status: 400)
    }
    static let unparsedARN = invalid("Invalid ARN:  Could not be parsed!")
    static let noUserName = invalid("Must specify userName when calling with non-User credentials")
}
