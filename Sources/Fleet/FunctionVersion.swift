package import Runtimes
package import Sandbox
import Synchronization

/// A version that environments are initialised for, before there are invocations.
package struct ProvisionedVersion: Sendable {
    package var version: FunctionVersion
    /// How many.
    package var executions: Int
    /// Changes when a version that has failed is to be tried again.
    package var generation: String

    package init(version: FunctionVersion, executions: Int, generation: String) {
        self.version = version
        self.executions = executions
        self.generation = generation
    }
}

/// Everything that an execution environment is made from: an immutable snapshot of one function's configuration.
package struct FunctionVersion: Sendable {
    /// Which environments may serve which invocation. A new `revision` (any update of code or configuration) makes the
    /// environments of the old one unusable.
    package struct Key: Sendable, Hashable {
        package var account: String
        package var region: String
        package var name: String
        /// `$LATEST` or a number.
        package var version: String
        /// The function's `RevisionId`.
        package var revision: String

        package init(account: String, region: String, name: String, version: String, revision: String) {
            self.account = account
            self.region = region
            self.name = name
            self.version = version
            self.revision = revision
        }
    }

    /// An access point of a file system, and where it is mounted.
    package struct FileSystem: Sendable, Hashable {
        /// The access point's ARN.
        package var arn: String
        package var mount: FileSystemMount

        package init(arn: String, mount: FileSystemMount) {
            self.arn = arn
            self.mount = mount
        }
    }

    package var key: Key
    package var runtime: ResolvedRuntime
    /// The directory of the unpacked code below the code directory: its SHA-256 in hex.
    package var code: String
    /// The directory of the merged content of its layers, likewise; nil without layers.
    package var layers: String?
    /// The directory that stands for its access point; nil without one.
    package var fileSystem: FileSystem?
    package var handler: String
    package var memoryMiB: Int
    package var timeout: Duration
    package var temporaryStorageMiB: Int
    /// The function's own variables.
    package var variables: [String: String]
    /// The execution role's ARN, of which the environment's credentials speak.
    package var roleARN: String
    /// `/aws/lambda/NAME`, or the group that `LoggingConfig` names.
    package var logGroup: String
    package var logging: FunctionLogging
    /// Whether its invocations are traced where the caller leaves that open (`TracingConfig` `Active`).
    package var isTraced: Bool
    /// Whether its environments are initialised ahead, up to a snapshot, and restored for invocations (SnapStart).
    package var isSnapStart: Bool
    /// Where its environments were found last.
    let place = PoolPlace()

    package init(
        key: Key, runtime: ResolvedRuntime, code: String, layers: String? = nil, fileSystem: FileSystem? = nil,
        handler: String, memoryMiB: Int, timeout: Duration, temporaryStorageMiB: Int, variables: [String: String],
        roleARN: String, logGroup: String, logging: FunctionLogging = FunctionLogging(),
        isTraced: Bool = false, isSnapStart: Bool = false
    ) {
        self.key = key
        self.runtime = runtime
        self.code = code
        self.layers = layers
        self.fileSystem = fileSystem
        self.handler = handler
        self.memoryMiB = memoryMiB
        self.timeout = timeout
        self.temporaryStorageMiB = temporaryStorageMiB
        self.variables = variables
        self.roleARN = roleARN
        self.logGroup = logGroup
        self.logging = logging
        self.isTraced = isTraced
        self.isSnapStart = isSnapStart
    }
}

/// The pool of a version, remembered by all copies of its ``FunctionVersion``: an invocation need not look among all
/// pools, under the lock of all functions.
final class PoolPlace: Sendable {
    private struct Reference {
        weak var pool: EnvironmentPool?
    }

    private let reference = Mutex(Reference())

    /// Nil, or one that may have been forgotten since.
    var pool: EnvironmentPool? {
        get { reference.withLock { $0.pool } }
        set { reference.withLock { $0.pool = newValue } }
    }
}
