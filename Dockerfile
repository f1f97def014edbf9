# An image of the program cairn: Debian and the program, which has Swift's runtime linked in. Stores are in /data.
#   docker build -t cairn .
#   docker run --rm -v "$PWD":/data cairn info products.cairn
FROM swift:6.3-bookworm AS build
WORKDIR /cairn
COPY Package.swift ./
COPY Sources Sources
COPY Tests Tests
COPY Campaigns Campaigns
RUN swift build -c release --static-swift-stdlib --disable-local-rpath --product cairn && strip -o /usr/local/bin/cairn .build/release/cairn

FROM debian:bookworm-slim
COPY --from=build /usr/local/bin/cairn /usr/local/bin/cairn
COPY LICENSE /usr/local/share/doc/cairn/
WORKDIR /data
ENTRYPOINT ["cairn"]
