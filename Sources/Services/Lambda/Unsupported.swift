import AWSWire
import LambdaModel

/// The machine that functions run on.
enum Machine {
    /// As AWS names architectures.
    #if arch(x86_64)
        static let architecture = "x86_64"
    #elseif arch(arm64)
        static let architecture = "arm64"
    #endif
}

/// Settings of AWS's that Apus does not have yet. Those that ask for something are refused; those that ask for nothing,
/// which Terraform and SAM send, pass.
enum Unsupported {
    static func check(_ input: Lambda.CreateFunctionRequest) throws(AWSError) {
        try refuse(input.publishTo != nil, "Capacity providers (PublishTo)")
        try refuse(input.code.sourceKMSKeyArn?.isEmpty == false, "Encryption keys (SourceKMSKeyArn)")
        try refuse(input.tenancyConfig != nil, "Tenant isolation (TenancyConfig)")
        try architectures(input.architectures)
        try others(capacityProvider: input.capacityProviderConfig, durable: input.durableConfig)
    }

    static func check(_ input: Lambda.UpdateFunctionConfigurationRequest) throws(AWSError) {
        try others(capacityProvider: input.capacityProviderConfig, durable: input.durableConfig)
    }

    static func check(_ input: Lambda.UpdateFunctionCodeRequest) throws(AWSError) {
        try refuse(input.publishTo != nil, "Capacity providers (PublishTo)")
        try refuse(input.sourceKMSKeyArn?.isEmpty == false, "Encryption keys (SourceKMSKeyArn)")
        try architectures(input.architectures)
    }

    private static func refuse(_ isAsked: Bool, _ feature: String) throws(AWSError) {
        if isAsked { throw .unsupported("\(feature): not implemented.") }
    }

    private static func architectures(_ architectures: [Lambda.Architecture]?) throws(AWSError) {
        guard let wanted = architectures?.first(where: { $0.rawValue != Machine.architecture }) else { return }
        throw .unsupported(
            "This machine runs functions of the architecture \(Machine.architecture), not of \(wanted.rawValue).")
    }

    private static func others(
        capacityProvider: Lambda.CapacityProviderConfig?, durable: Lambda.DurableConfig?
    ) throws(AWSError) {
        try refuse(capacityProvider != nil, "Capacity providers (CapacityProviderConfig)")
        try refuse(durable != nil, "Durable functions (DurableConfig)")
    }
}
