import AWSWire
import IAMModel

/// Credentials of kinds that cannot be made here: nobody has any, and the lists say so.
extension IAMService {
    func listMFADevices(_ call: Call) throws -> Output {
        let input = try IAM.ListMFADevicesRequest(decoding: call.request)
        if let name = input.userName { _ = try accounts[call.account].user(name) }
        return IAM.ListMFADevicesResponse(mfaDevices: [], isTruncated: false)
    }

    func listVirtualMFADevices(_ call: Call) throws -> Output {
        _ = try IAM.ListVirtualMFADevicesRequest(decoding: call.request)
        return IAM.ListVirtualMFADevicesResponse(virtualMFADevices: [], isTruncated: false)
    }

    func listSSHPublicKeys(_ call: Call) throws -> Output {
        let input = try IAM.ListSSHPublicKeysRequest(decoding: call.request)
        if let name = input.userName { _ = try accounts[call.account].user(name) }
        return IAM.ListSSHPublicKeysResponse(sshPublicKeys: [], isTruncated: false)
    }

    func listSigningCertificates(_ call: Call) throws -> Output {
        let input = try IAM.ListSigningCertificatesRequest(decoding: call.request)
        if let name = input.userName { _ = try accounts[call.account].user(name) }
        return IAM.ListSigningCertificatesResponse(certificates: [], isTruncated: false)
    }

    func listServiceSpecificCredentials(_ call: Call) throws -> Output {
        let input = try IAM.ListServiceSpecificCredentialsRequest(decoding: call.request)
        if let name = input.userName { _ = try accounts[call.account].user(name) }
        return IAM.ListServiceSpecificCredentialsResponse(serviceSpecificCredentials: [])
    }
}
