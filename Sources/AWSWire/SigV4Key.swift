import Crypto
import Synchronization

extension SigV4 {
    /// The key that one secret gives for one day, region and service.
    package struct SigningKey: Sendable {
        private let key: SymmetricKey

        package init(secretAccessKey: String, scope: Scope) {
            var bytes = Array("AWS4\(secretAccessKey)".utf8)
            for part in [scope.day, scope.region, scope.service, SigV4.terminator] {
                bytes = Array(
                    HMAC<SHA256>.authenticationCode(for: Array(part.utf8), using: SymmetricKey(data: bytes)))
            }
            key = SymmetricKey(data: bytes)
        }

        /// The signature of `text` in lower-case hex.
        func sign(_ text: [UInt8]) -> String {
            HMAC<SHA256>.authenticationCode(for: text, using: key).withUnsafeBytes { Hexadecimal.encode($0) }
        }

        /// Whether `signature` is that of `text`. Takes the same time wherever they differ.
        func isValid(_ signature: String, of text: [UInt8]) -> Bool {
            guard let code = Hexadecimal.decode(signature), code.count == SHA256.byteCount else { return false }
            return HMAC<SHA256>.isValidAuthenticationCode(code, authenticating: text, using: key)
        }
    }

    /// Derived keys that were used lately. Holds a bounded number and forgets the oldest.
    package final class KeyCache: Sendable {
        private struct Key: Hashable {
            var accessKeyID: String
            var scope: Scope
        }
        private struct Entry {
            var secretAccessKey: String
            var key: SigningKey
        }
        private struct State {
            var entries: [Key: Entry] = [:]
            /// A ring of the keys in `entries`; `oldest` is replaced next once it is full.
            var ring: [Key] = []
            var oldest = 0
        }

        private let capacity: Int
        private let state = Mutex(State())

        /// - Parameter capacity: how many keys are held, at least one.
        package init(capacity: Int = 1_024) {
            precondition(capacity > 0)
            self.capacity = capacity
        }

        package func key(accessKeyID: String, secretAccessKey: String, scope: Scope) -> SigningKey {
            let name = Key(accessKeyID: accessKeyID, scope: scope)
            let known = state.withLock { $0.entries[name] }
            if let known, known.secretAccessKey == secretAccessKey { return known.key }
            let entry = Entry(
                secretAccessKey: secretAccessKey,
                key: SigningKey(secretAccessKey: secretAccessKey, scope: scope))
            state.withLock { state in
                guard state.entries.updateValue(entry, forKey: name) == nil else { return }
                if state.ring.count < capacity {
                    state.ring.append(name)
                } else {
                    state.entries[state.ring[state.oldest]] = nil
                    state.ring[state.oldest] = name
                    state.oldest = (state.oldest + 1) % capacity
                }
            }
            return entry.key
        }

        /// How many keys are held.
        package var count: Int { state.withLock { $0.entries.count } }
    }
}
