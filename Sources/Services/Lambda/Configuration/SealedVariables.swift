import AWSWire
import FoundationEssentials
import LambdaModel
import Storage

/// A function's environment variables as the store has them: encrypted, and bound to the function.
extension FunctionSettings {
    /// Encrypts variables that a request has set, in place of those that were there.
    mutating func seal(with key: SealingKey, for function: FunctionKey) throws {
        guard let plain = variables else { return }
        let text = try FunctionRepository.json(plain)
        sealedVariables = Base64.encode(try key.seal(Array(text.utf8), context: function.arn))
        variables = nil
    }

    /// - Returns: nil when the function was never given any.
    func openVariables(with key: SealingKey, for function: FunctionKey) throws(SealingKey.Failure)
        -> [String: String]?
    {
        guard let sealedVariables else { return variables }
        guard let box = Base64.decode(sealedVariables) else { throw .undecipherable }
        let text = try key.open(box, context: function.arn)
        guard let opened = try? JSONDecoder().decode([String: String].self, from: Data(text)) else {
            throw .undecipherable
        }
        return opened
    }

    /// As answers have them; AWS says in their place why it could not decrypt them.
    func environment(with key: SealingKey, for function: FunctionKey) -> Lambda.EnvironmentResponse? {
        do throws(SealingKey.Failure) {
            return try openVariables(with: key, for: function).map { Lambda.EnvironmentResponse(variables: $0) }
        } catch {
            return Lambda.EnvironmentResponse(
                error: Lambda.EnvironmentError(errorCode: "InvalidCiphertextException", message: Self.undecipherable))
        }
    }

    static let undecipherable =
        "Lambda was unable to decrypt the environment variables because the KMS key used is in an invalid state for "
        + "Decrypt. Check the function's KMS key settings."
}

extension FunctionRepository {
    /// Encrypts what an earlier version of this program has stored in plain text. Nothing else changes.
    func sealVariables(with key: SealingKey) throws {
        for (table, column) in [
            ("lambda_functions", "settings"), ("lambda_functions", "serving"), ("lambda_versions", "settings"),
        ] {
            let rows = try connection.query(
                "SELECT DISTINCT account, region, name, \(column) AS text FROM \(table) WHERE \(column) LIKE ?",
                [.text(#"%"variables":{%"#)])
            for row in rows {
                let function = try FunctionKey(row)
                let text = try row.text("text")
                var settings = try Self.value(FunctionSettings.self, text)
                guard settings.variables != nil else { continue }
                try settings.seal(with: key, for: function)
                try connection.execute(
                    """
                    UPDATE \(table) SET \(column) = ?
                    WHERE account = ? AND region = ? AND name = ? AND \(column) = ?
                    """, [.text(try Self.json(settings))] + function.arguments + [.text(text)])
            }
        }
    }
}
