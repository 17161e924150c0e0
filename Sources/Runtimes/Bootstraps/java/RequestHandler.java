package com.amazonaws.services.lambda.runtime;

/** A handler of values: its types say how JSON is converted. */
public interface RequestHandler<I, O> {
    O handleRequest(I input, Context context);
}
