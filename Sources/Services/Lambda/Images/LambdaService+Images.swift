import AWSWire
import Images
import LambdaModel

/// Where a function's code comes from: what CreateFunction and UpdateFunctionCode are given.
enum CodeSource: Sendable {
    case zip([UInt8])
    /// `ImageUri` as it was written.
    case image(ImageReference, uri: String)
}

/// The sentences without a source in a comment are ours: what AWS says there is not on record.
extension LambdaService {
    func source(_ input: Lambda.CreateFunctionRequest) throws(AWSError) -> CodeSource {
        let code = input.code
        guard input.packageType == .image else {
            if code.imageUri != nil, code.zipFile != nil || code.s3Bucket != nil {
                throw LambdaError.invalidParameterValue(
                    message: "Please don't provide ImageUri when the intended function PackageType is Zip.")
            }
            if input.imageConfig.flatMap({ FunctionImage.Overrides($0) }) != nil {
                throw LambdaError.invalidParameterValue(
                    message: "Please don't provide ImageConfig when the intended function PackageType is Zip.")
            }
            return .zip(try zip(code.zipFile, bucket: code.s3Bucket, key: code.s3Key))
        }
        // https://github.com/pulumi/pulumi-aws/issues/5439
        if input.runtime != nil || input.handler != nil || input.layers?.isEmpty == false {
            throw Self.noParts
        }
        if code.zipFile != nil || code.s3Bucket != nil || code.s3Key != nil {
            throw LambdaError.invalidParameterValue(
                message: "Please don't provide a deployment package when the intended function PackageType is Image.")
        }
        if input.codeSigningConfigArn != nil { throw Self.noSigning }
        guard let uri = code.imageUri else {
            throw LambdaError.invalidParameterValue(
                message: "Please provide ImageUri when creating a function with packageType Image.")
        }
        return try Self.image(uri)
    }

    /// As recorded in test_lambda_image_crud and test_lambda_zip_file_to_image.
    func source(
        _ input: Lambda.UpdateFunctionCodeRequest, of settings: FunctionSettings
    ) throws(AWSError) -> CodeSource {
        guard settings.image != nil else {
            if input.imageUri != nil {
                throw LambdaError.invalidParameterValue(
                    message: "Please don't provide ImageUri when updating a function with packageType Zip.")
            }
            return .zip(try zip(input.zipFile, bucket: input.s3Bucket, key: input.s3Key))
        }
        guard let uri = input.imageUri, input.zipFile == nil, input.s3Bucket == nil, input.s3Key == nil else {
            throw LambdaError.invalidParameterValue(
                message: "Please provide ImageUri when updating a function with packageType Image.")
        }
        return try Self.image(uri)
    }

    /// What an image function's configuration cannot have, and a zip function's cannot.
    func check(_ input: Lambda.UpdateFunctionConfigurationRequest, _ settings: FunctionSettings) throws(AWSError) {
        if settings.image == nil {
            guard FunctionImage.Overrides(input.imageConfig) != nil else { return }
            throw LambdaError.invalidParameterValue(
                message: "Please don't provide ImageConfig when updating a function with packageType Zip.")
        }
        // https://github.com/DataDog/terraform-aws-lambda-datadog/issues/2
        if input.layers?.isEmpty == false {
            throw LambdaError.invalidParameterValue(
                message: "Lambda layers are not supported for functions created with container images.")
        }
        if input.runtime != nil || input.handler != nil { throw Self.noParts }
    }

    /// Resolves an image, and holds its tree. The caller must release it.
    func accept(_ reference: ImageReference, uri: String) async throws -> CodeStore.Accepted {
        let resolved: ResolvedImage
        do throws(ImageError) {
            resolved = try await images.resolve(reference)
        } catch {
            throw AWSError(error, uri: uri)
        }
        let image = FunctionImage(uri: uri, resolved)
        await code.hold(image.tree)
        // AWS answers no size for images.
        return CodeStore.Accepted(code: image.tree, size: 0, image: image)
    }

    func accept(_ source: CodeSource) async throws -> CodeStore.Accepted {
        switch source {
        case .zip(let zip): try await accept(zip)
        case .image(let reference, let uri): try await accept(reference, uri: uri)
        }
    }

    /// https://github.com/ministryofjustice/modernisation-platform/pull/2419
    private static func image(_ uri: String) throws(AWSError) -> CodeSource {
        guard let reference = ImageReference(uri) else {
            throw LambdaError.invalidParameterValue(
                message: "Source image \(uri) is not valid. Provide a valid source image.")
        }
        return .image(reference, uri: uri)
    }

    private static let noParts = LambdaError.invalidParameterValue(
        message: "Please don't provide Handler or Runtime or Layer when the intended function PackageType is Image.")

    static let noSigning = LambdaError.invalidParameterValue(
        message: "Code signing is not supported for functions created with container images.")
}

extension AWSError {
    /// What the caller of CreateFunction or UpdateFunctionCode gets. The sentences are those of
    /// https://github.com/hashicorp/terraform/issues/27963, https://github.com/aws-samples/bedrock-access-gateway
    /// (issues 127 and 206), and of https://github.com/bazel-contrib/rules_oci/issues/777.
    init(_ error: ImageError, uri: String) {
        switch error {
        case .notFound:
            self = LambdaError.invalidParameterValue(
                message: "Source image \(uri) does not exist. Provide a valid source image.")
        case .denied:
            self = AWSError(
                code: "AccessDeniedException",
                message: "Lambda does not have permission to access the ECR image. Check the ECR permissions.",
                status: 403)
        case .unsupportedMediaType:
            self = LambdaError.invalidParameterValue(
                message:
                    "The image manifest, config or layer media type for the source image \(uri) is not supported.")
        case .invalid, .tooLarge, .tooManyFiles:
            self = LambdaError.invalidParameterValue(
                message: "Source image \(uri) is not valid. Provide a valid source image.")
        case .missing(let program):
            self = .unsupported("Container images need \(program), which is not installed on this host.")
        case .unavailable, .cancelled:
            self = LambdaError.service(message: "The registry of the source image \(uri) cannot be asked at this time.")
        }
    }
}

extension StateReason {
    /// Why an image function is `Failed`; nil when that is not decided.
    init?(_ error: ImageError) {
        switch error {
        case .cancelled: return nil
        case .denied:
            self.init(
                code: "ImageAccessDenied",
                text: "The function does not have permission to access the specified image.")
        case .notFound:
            self.init(code: "ImageDeleted", text: "The image of the function does not exist any more.")
        case .unsupportedMediaType:
            self.init(code: "InvalidImage", text: "ImageLayerFailure: UnsupportedImageLayerDetected")
        case .invalid(let reason):
            self.init(code: "InvalidImage", text: "ImageLayerFailure: \(reason)")
        case .tooLarge(let limit):
            self.init(code: "InvalidImage", text: "The uncompressed image is larger than \(limit) bytes.")
        case .tooManyFiles(let limit):
            self.init(code: "InvalidImage", text: "The image has more than \(limit) files.")
        case .missing, .unavailable:
            self.init(code: "InternalError", text: "The function's image could not be put in place.")
        }
    }
}
