package com.amazonaws.services.lambda.runtime.events;

import java.util.Date;
import java.util.List;

/** As in AWS's library: the event's names differ from the properties' in case, times are seconds. */
public class SQSEvent {
    private List<SQSMessage> records;

    public List<SQSMessage> getRecords() {
        return records;
    }

    public void setRecords(List<SQSMessage> records) {
        this.records = records;
    }

    public static class SQSMessage {
        private String eventSourceArn;
        private String detailType;
        private Date when;
        private final String region;

        public SQSMessage(String region) {
            this.region = region;
        }

        public String getEventSourceArn() {
            return eventSourceArn;
        }

        public void setEventSourceArn(String arn) {
            this.eventSourceArn = arn;
        }

        public void setDetailType(String type) {
            this.detailType = type;
        }

        public void setWhen(Date when) {
            this.when = when;
        }

        @Override
        public String toString() {
            return eventSourceArn + " " + detailType + " " + when.getTime() + " " + region;
        }
    }
}
