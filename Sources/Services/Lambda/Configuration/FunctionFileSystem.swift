import AWSWire
import Fleet
import LambdaModel
import Sandbox

/// The file system of a function: `FileSystemConfigs`, of which there is one at most. A directory of the host stands
/// for its access point. Kept as JSON within ``FunctionOptions``.
struct FunctionFileSystem: Codable, Hashable, Sendable {
    var accessPointARN: String
    /// `LocalMountPath`, such as `/mnt/data`.
    var path: String

    /// What environments are made with.
    var forFleet: FunctionVersion.FileSystem {
        FunctionVersion.FileSystem(
            arn: accessPointARN,
            mount: FileSystemMount(
                name: Self.id(accessPointARN), place: String(path.dropFirst(Self.directory.utf8.count))))
    }

    /// Where AWS's constraint has all mounts.
    private static let directory = "/mnt/"

    /// The id (`fsap-…`) at the end of an access point's ARN.
    private static func id(_ arn: String) -> String {
        String(arn[(arn.lastIndex(of: "/") ?? arn.startIndex)...].dropFirst())
    }

    /// - Parameters:
    ///   - key: Whose file system this is to be.
    ///   - accessPoints: The ids for which a directory stands.
    fileprivate init(
        _ config: Lambda.FileSystemConfig, for key: FunctionKey, accessPoints: Set<String>
    ) throws(AWSError) {
        guard let arn = ARN(config.arn), arn.service != "s3files" else {
            throw .unsupported("Access points of Amazon S3 Files (FileSystemConfigs): not implemented.")
        }
        // AWS's own words for these three are not known.
        guard arn.region == key.region, arn.partition == FunctionKey.partition(of: key.region) else {
            throw LambdaError.invalidParameterValue(
                message: "Access point \(config.arn) is not in the function's region, \(key.region).")
        }
        guard arn.account == key.account else {
            throw LambdaError.invalidParameterValue(
                message: "Access point \(config.arn) is not in the function's account, \(key.account).")
        }
        guard accessPoints.contains(Self.id(config.arn)) else {
            throw LambdaError.invalidParameterValue(message: "Access point \(config.arn) does not exist.")
        }
        // The constraint lets them pass.
        let place = config.localMountPath.dropFirst(Self.directory.utf8.count)
        guard place != ".", place != ".." else {
            throw LambdaError.invalidParameterValue(
                message: "LocalMountPath \(config.localMountPath) is not a directory below /mnt.")
        }
        accessPointARN = config.arn
        path = config.localMountPath
    }
}

extension FunctionOptions {
    /// - Parameter configs: What the request says, after ``vpc`` has what it says of that; nil for nothing.
    mutating func applyFileSystems(
        _ configs: [Lambda.FileSystemConfig]?, for key: FunctionKey, accessPoints: Set<String>
    ) throws(AWSError) {
        let isInVPC = vpc?.subnets.isEmpty == false
        if let configs {
            // First, as on AWS, for it needs no look at the access point.
            if let config = configs.first, !isInVPC {
                throw LambdaError.invalidParameterValue(
                    message: "Function must be configured to execute in a VPC to reference access point \(config.arn).")
            }
            fileSystem = try configs.first.map { (config) throws(AWSError) in
                try FunctionFileSystem(config, for: key, accessPoints: accessPoints)
            }
        } else if let fileSystem, !isInVPC {
            throw LambdaError.invalidParameterValue(
                message: "Function VPC configuration cannot be removed with access point "
                    + "\(fileSystem.accessPointARN) referenced.")
        }
    }
}
