import AWSWire
import CloudTrailModel

/// Trails deliver to S3, which does not run here: there are none, and none can be made.
extension CloudTrailService {
    func describeTrails(_ request: ServiceRequest) throws -> ServiceResponse {
        _ = try CloudTrail.DescribeTrailsRequest(decoding: request)
        return CloudTrail.DescribeTrailsResponse(trailList: []).encode()
    }

    func listTrails(_ request: ServiceRequest) throws -> ServiceResponse {
        _ = try CloudTrail.ListTrailsRequest(decoding: request)
        return CloudTrail.ListTrailsResponse(trails: []).encode()
    }
}
