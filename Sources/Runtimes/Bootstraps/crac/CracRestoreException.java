package com.amazonaws.services.lambda.crac;

/** What resources threw after a restoration is suppressed in it. */
public class RestoreException extends Exception {
    private static final long serialVersionUID = 1;

    public RestoreException() {}
}
