"""Files as agencies and spreadsheets really write them, byte by byte; by kind and name."""

CANCELLED_ROWS = {
    "shows.csv": (
        b"gig,artist_id,venue_id,date,artist,venue,status\n"
        b"G1,blaue-stunde,kesselhaus,2026-09-04,Blaue Stunde,Kesselhaus,Confirmed\n"
        b"G2,blaue-stunde,alte-post,2026-09-11,Blaue Stunde,Alte Post,Cancelled\n"
        b"G3,blaue-stunde,zeche-nord,2026-12-12,Blaue Stunde,Zeche Nord,Hold 2\n"
        b"G4,tin-harbour,kesselhaus,2026-09-05,Tin Harbour,Kesselhaus,Confirmed\n"
        b"G5,tin-harbour,alte-post,2026-09-12,Tin Harbour,Alte Post,CANCELED\n"
        b"G6,tin-harbour,zeche-nord,2026-12-13,Tin Harbour,Zeche Nord,Enquiry\n"
    ),
}

CORRECTED = {
    "corrected.csv": (
        b"gig,artist_id,venue_id,date\n"
        b"G1,nils-ahorn,speicher,2026-03-10\n"
        b"G2,nils-ahorn,speicher,2026-08-02\n"
        b"G3,nils-ahorn,speicher,2026-10-20\n"
    ),
    "first.csv": (
        b"gig,artist_id,venue_id,date\n"
        b"G1,nils-ahorn,werft,2026-10-03\n"
        b"G2,nils-ahorn,werft,2026-02-08\n"
        b"G3,nils-ahorn,turm,2026-10-20\n"
    ),
}

SEPARATORS = {
    "capitals.csv": (b"Artist_ID,Venue_ID,Date\nlina,saal-1,2026-05-01\n"),
    "commas.tsv": (
        b"artist_id,venue_id,date\r\nlina,saal-1,2026-05-01\r\nlina,saal-2,2026-05-02\r\n"
    ),
    "commas.txt": (
        b"artist_id,venue_id,date\r\nlina,saal-1,2026-05-01\r\nlina,saal-2,2026-05-02\r\n"
    ),
    "pipe.csv": (
        b"artist_id|venue_id|date\r\nlina|saal-1|2026-05-01\r\nlina|saal-2|2026-05-02\r\n"
    ),
    "quoted.tsv": (
        b'artist_id\tvenue_id\tdate\tartist\n"lina"\tsaal-1\t2026-05-01\t"Lina, ""Li"" K."\n'
    ),
    "semicolon.csv": (
        b"artist_id;venue_id;date\r\nlina;saal-1;2026-05-01\r\nlina;saal-2;2026-05-02\r\n"
    ),
    "semicolon.txt": (
        b"artist_id;venue_id;date\r\nlina;saal-1;2026-05-01\r\nlina;saal-2;2026-05-02\r\n"
    ),
    "sep-line.csv": (
        b"sep=;\r\nartist_id;venue_id;date\r\nlina;saal-1;2026-05-01\r\nlina;saal-2;2026-05-02\r\n"
    ),
    "spaces-after-comma.csv": (
        b"artist_id, venue_id, date\nlina, saal-1, 2026-05-01\nlina, saal-2, 2026-05-02\n"
    ),
    "tab-in-name.csv": (b"artist_id,venue_id,date,artist\nlina,saal-1,2026-05-01,Li\tna\n"),
    "tabs.csv": (
        b"artist_id\tvenue_id\tdate\r\nlina\tsaal-1\t2026-05-01\r\nlina\tsaal-2\t2026-05-02\r\n"
    ),
}

HEADINGS = {
    "blank-lines-before.csv": (b"\n\n  \nartist_id,venue_id,date\nlina,saal-1,2026-05-01\n"),
    "break-crlf.csv": (b'"Act\r\nid",venue_id,date\r\nlina,saal-1,2026-05-01\r\n'),
    "break-first.csv": (b'"Act\nid",venue_id,date\nlina,saal-1,2026-05-01\n'),
    "break-in-other-column.csv": (
        b'artist_id,venue_id,date,"Deal\n(EUR)"\nlina,saal-1,2026-05-01,300\n'
    ),
    "break-in-title.csv": (
        b'"Booking report\nNovember",,\nartist_id,venue_id,date\nlina,saal-1,2026-05-01\n'
    ),
    "ctrl-z.csv": (b"artist_id,venue_id,date\r\nlina,saal-1,2026-05-01\r\n\x1a"),
    "date-column-true.csv": (b"artist_id,venue_id,true\nlina,saal-1,2026-05-01\n"),
    "header-only-no-newline.csv": (b"artist_id,venue_id,date"),
    "header-only.csv": (b"artist_id,venue_id,date\n"),
    "id-column-007.csv": (b"artist_id,venue_id,date,007\nlina,saal-1,2026-05-01,G1\n"),
    "index-column.csv": (
        b",artist_id,venue_id,date\n0,lina,saal-1,2026-05-01\n1,lina,saal-2,2026-05-02\n"
    ),
    "mac-lines.csv": (b"artist_id,venue_id,date\rlina,saal-1,2026-05-01\rlina,saal-2,2026-05-02\r"),
    "number-names.csv": (b"artist_id,venue_id,2026-01-01,007\nlina,saal-1,2026-05-01,x\n"),
    "price-column.csv": (b"1.50,venue_id,date\nlina,saal-1,2026-05-01\n"),
    "stray-quotes.csv": (
        b"artist_id,venue_id,date,artist\n"
        b'1,saal-1,2026-05-01,"Big\n'
        b"2,saal-2,2026-05-02,Small\n"
        b'3,saal-3,2026-05-03,Tall"\n'
        b"4,saal-4,2026-05-04,Wide\n"
    ),
    "totals-row.csv": (b"artist_id,venue_id,date\nlina,saal-1,2026-05-01\n,,Total: 1\n"),
    "trailing-comma.csv": (b"artist_id,venue_id,date,\nlina,saal-1,2026-05-01,\n"),
}

ENCODINGS = {
    "latin1-in-header.csv": (
        b"artist_id,venue_id,date,K\xfcnstler\nl\xedna,saal-1,2026-05-01,L\xedna \xd6\n"
    ),
    "latin1-in-row.csv": (
        b"artist_id,venue_id,date,artist\nl\xedna,saal-1,2026-05-01,L\xedna \xd6\n"
    ),
    "latin1-unused-column.csv": (
        b"artist_id,venue_id,date,note\nlina,saal-1,2026-05-01,sp\xe4ter\n"
    ),
    "mojibake.csv": (
        b"artist_id,venue_id,date,artist\nlina,saal-1,2026-05-01,L\xc3\x83\xc2\xadna\n"
    ),
    "nul-padded.csv": (b"artist_id,venue_id,date\nlina,saal-1,2026-05-01\n") + bytes(512),
    "utf16-tabs.txt": (
        b"\xff\xfea\x00r\x00t\x00i\x00s\x00t\x00_\x00i\x00d\x00\t\x00v\x00e\x00"
        b"n\x00u\x00e\x00_\x00i\x00d\x00\t\x00d\x00a\x00t\x00e\x00\t\x00a\x00r"
        b"\x00t\x00i\x00s\x00t\x00\n"
        b"\x00l\x00\xed\x00n\x00a\x00\t\x00s\x00a\x00a\x00l\x00-\x001\x00\t"
        b"\x002\x000\x002\x006\x00-\x000\x005\x00-\x000\x001\x00\t\x00L\x00\xed\x00"
        b"n\x00a\x00 \x00\xd6\x00\n"
        b"\x00"
    ),
    "utf16.csv": (
        b"\xff\xfea\x00r\x00t\x00i\x00s\x00t\x00_\x00i\x00d\x00,\x00v\x00e\x00"
        b"n\x00u\x00e\x00_\x00i\x00d\x00,\x00d\x00a\x00t\x00e\x00,\x00a\x00r"
        b"\x00t\x00i\x00s\x00t\x00\n"
        b"\x00l\x00\xed\x00n\x00a\x00,\x00s\x00a\x00a\x00l\x00-\x001\x00,"
        b"\x002\x000\x002\x006\x00-\x000\x005\x00-\x000\x001\x00,\x00L\x00\xed\x00"
        b"n\x00a\x00 \x00\xd6\x00\n"
        b"\x00"
    ),
    "utf16be-nobom.csv": (
        b"\x00a\x00r\x00t\x00i\x00s\x00t\x00_\x00i\x00d\x00,\x00v\x00e\x00"
        b"n\x00u\x00e\x00_\x00i\x00d\x00,\x00d\x00a\x00t\x00e\x00,\x00a\x00r"
        b"\x00t\x00i\x00s\x00t\x00\n"
        b"\x00l\x00\xed\x00n\x00a\x00,\x00s\x00a\x00a\x00l\x00-\x001\x00,"
        b"\x002\x000\x002\x006\x00-\x000\x005\x00-\x000\x001\x00,\x00L\x00\xed\x00"
        b"n\x00a\x00 \x00\xd6\x00\n"
    ),
    "utf8-bom-noheader.csv": (b"\xef\xbb\xbflina,saal-1,2026-05-01\n"),
    "utf8-bom-quoted.csv": (
        b'\xef\xbb\xbf"artist_id","venue_id","date"\r\n"lina","saal-1","2026-05-01"\r\n'
    ),
    "utf8-bom.csv": (
        b"\xef\xbb\xbfartist_id,venue_id,date,artist\n"
        b"l\xc3\xadna,saal-1,2026-05-01,L\xc3\xadna \xc3\x96\n"
    ),
}

KINDS = {
    "gz-without-suffix.csv": (
        b"\x1f\x8b\x08\x00\x00\x00\x00\x00\x02\x03K,*\xc9,.\x89\xcfL\xd1)K\xcd+"
        b"M\x051R\x12KR\xb9r2\xf3\x12u\x8a\x13\x13st\r"
        b"u\x8c\x0c\x8c\xcct\r"
        b"Lu\r"
        b"\x0c\xb9\x00\x80L\x9fP/\x00\x00\x00"
    ),
    "page.csv": (b"<!DOCTYPE html><html><head><title>Sign in</title></head></html>"),
    "plain-named.csv.gz": (b"artist_id,venue_id,date\nlina,saal-1,2026-05-01\n"),
    "shows-xlsx-renamed.csv": (
        b"PK\x03\x04\x14\x00\x00\x00\x08\x00\xd9\x84|]\xc7\x1c\x17<\n"
        b"\x00\x00\x00\x08\x00\x00\x00\x13\x00\x00\x00[Content_Types].xml\xb3\t\xa9"
        b",H-\xd6\xb7\x03\x00PK\x03\x04\x14\x00\x00\x00\x08\x00\xd9\x84|]\xce\x9e\x98\x13\r"
        b"\x00\x00\x00\x0b\x00\x00\x00\x0f\x00\x00\x00xl/workbook.xm"
        b"l\xb3)\xcf/\xcaN\xca\xcf\xcf\xd6\xb7\x03\x00PK\x03\x04\x14\x00"
        b"\x00\x00\x08\x00\xd9\x84|]\x05\x93\xf4\xd4:\x00\x00\x00\xf7.\x00\x00"
        b"\x18\x00\x00\x00xl/worksheets/sheet1.xml\xed\xda1\t\x00 "
        b"\x10\x00\xc0H\x16xl#\x08\x0e\x82\n"
        b"_\xdf\xd1\x08.\xb7\\\x8a\x8b\x9ck\xec\xde\xda\xa9\xb1f\x16\x92$I\x92$I"
        b"\x92$I\x92$I\x92$I\x92$\x7f[\xdeu\xbfPK\x01\x02\x14\x03\x14\x00\x00\x00\x08"
        b"\x00\xd9\x84|]\xc7\x1c\x17<\n"
        b"\x00\x00\x00\x08\x00\x00\x00\x13\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x80"
        b"\x01\x00\x00\x00\x00[Content_Types].xmlPK\x01\x02\x14\x03\x14\x00\x00"
        b"\x00\x08\x00\xd9\x84|]\xce\x9e\x98\x13\r"
        b"\x00\x00\x00\x0b\x00\x00\x00\x0f\x00\x00\x00\x00\x00\x00\x00\x00"
        b"\x00\x00\x00\x80\x01;\x00\x00\x00xl/workbook.xmlPK\x01"
        b"\x02\x14\x03\x14\x00\x00\x00\x08\x00\xd9\x84|]\x05\x93\xf4\xd4:\x00\x00"
        b"\x00\xf7.\x00\x00\x18\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x80\x01u\x00"
        b"\x00\x00xl/worksheets/sheet1.xmlPK\x05\x06\x00\x00\x00\x00\x03\x00"
        b"\x03\x00\xc4\x00\x00\x00\xe5\x00\x00\x00\x00\x00"
    ),
    "shows.csv.xz": (
        b"\xfd7zXZ\x00\x00\x04\xe6\xd6\xb4F\x02\x00!\x01\x16\x00\x00\x00t"
        b"/\xe5\xa3\x01\x00.artist_id,venue_id,date\n"
        b"lina,saal-1,2026-05-01\n"
        b"\x00\x00\xcdT[\x19\xcc\xd7h&\x00\x01G/\xb0Qo4\x1f\xb6\xf3}"
        b"\x01\x00\x00\x00\x00\x04YZ"
    ),
    "shows.ics": (
        b"BEGIN:VCALENDAR\r\n"
        b"VERSION:2.0\r\n"
        b"BEGIN:VEVENT\r\n"
        b"UID:1@example.org\r\n"
        b"DTSTART;TZID=Europe/Berlin:20260501T200000\r\n"
        b"SUMMARY:Lina at Saal 1\r\n"
        b"STATUS:CONFIRMED\r\n"
        b"END:VEVENT\r\n"
        b"END:VCALENDAR\r\n"
    ),
    "shows.json": (b'[{"artist_id":"lina","venue_id":"saal-1","date":"2026-05-01"}]'),
    "shows.ndjson": (b'{"artist_id":"lina","venue_id":"saal-1","date":"2026-05-01"}\n'),
    "shows.xlsx": (
        b"PK\x03\x04\x14\x00\x00\x00\x08\x00\xd9\x84|]\xc7\x1c\x17<\n"
        b"\x00\x00\x00\x08\x00\x00\x00\x13\x00\x00\x00[Content_Types].xml\xb3\t\xa9"
        b",H-\xd6\xb7\x03\x00PK\x03\x04\x14\x00\x00\x00\x08\x00\xd9\x84|]\xce\x9e\x98\x13\r"
        b"\x00\x00\x00\x0b\x00\x00\x00\x0f\x00\x00\x00xl/workbook.xm"
        b"l\xb3)\xcf/\xcaN\xca\xcf\xcf\xd6\xb7\x03\x00PK\x03\x04\x14\x00"
        b"\x00\x00\x08\x00\xd9\x84|]\x05\x93\xf4\xd4:\x00\x00\x00\xf7.\x00\x00"
        b"\x18\x00\x00\x00xl/worksheets/sheet1.xml\xed\xda1\t\x00 "
        b"\x10\x00\xc0H\x16xl#\x08\x0e\x82\n"
        b"_\xdf\xd1\x08.\xb7\\\x8a\x8b\x9ck\xec\xde\xda\xa9\xb1f\x16\x92$I\x92$I"
        b"\x92$I\x92$I\x92$I\x92$\x7f[\xdeu\xbfPK\x01\x02\x14\x03\x14\x00\x00\x00\x08"
        b"\x00\xd9\x84|]\xc7\x1c\x17<\n"
        b"\x00\x00\x00\x08\x00\x00\x00\x13\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x80"
        b"\x01\x00\x00\x00\x00[Content_Types].xmlPK\x01\x02\x14\x03\x14\x00\x00"
        b"\x00\x08\x00\xd9\x84|]\xce\x9e\x98\x13\r"
        b"\x00\x00\x00\x0b\x00\x00\x00\x0f\x00\x00\x00\x00\x00\x00\x00\x00"
        b"\x00\x00\x00\x80\x01;\x00\x00\x00xl/workbook.xmlPK\x01"
        b"\x02\x14\x03\x14\x00\x00\x00\x08\x00\xd9\x84|]\x05\x93\xf4\xd4:\x00\x00"
        b"\x00\xf7.\x00\x00\x18\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x80\x01u\x00"
        b"\x00\x00xl/worksheets/sheet1.xmlPK\x05\x06\x00\x00\x00\x00\x03\x00"
        b"\x03\x00\xc4\x00\x00\x00\xe5\x00\x00\x00\x00\x00"
    ),
    "shows.zip": (
        b"PK\x03\x04\x14\x00\x00\x00\x00\x00\xd9\x84|]\x80L\x9fP/\x00\x00\x00/\x00\x00\x00"
        b"\t\x00\x00\x00shows.csvartist_id,venue_id,date\n"
        b"lina,saal-1,2026-05-01\n"
        b"PK\x01\x02\x14\x03\x14\x00\x00\x00\x00\x00\xd9\x84|]\x80L\x9fP/\x00\x00"
        b"\x00/\x00\x00\x00\t\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00"
        b"\x00\x80\x01\x00\x00\x00\x00shows.csvPK\x05\x06\x00\x00\x00\x00\x01\x00\x01\x00"
        b"7\x00\x00\x00V\x00\x00\x00\x00\x00"
    ),
}

LOOK_ALIKES = {
    "ids.csv": (
        b"artist_id,venue_id,date,artist\n"
        b"bj\xc3\xb6rk-\xc3\xbc,halle,2026-05-01,J\xc3\xb6rg \xc3\x9c\n"
        b"bjo\xcc\x88rk-u\xcc\x88,turm,2026-05-02,Jo\xcc\x88rg U\xcc\x88\n"
        b"abc,halle,2026-05-01,Abc\n"
        b"abc ,turm,2026-05-02,Abc\n"
        b"ABC,kino,2026-05-03,Abc\n"
        b"abc\xe2\x80\x8b,bar,2026-05-03,Abc\n"
        b"\xc2\xa0abc,mole,2026-05-03,Abc\n"
        b"007,halle,2026-05-01,Bond\n"
        b"7,turm,2026-05-02,Bond\n"
        b"7.0,kino,2026-05-03,Bond\n"
        b" ,bar,2026-05-03,Blank\n"
    ),
}

SPREADSHEET = {
    "date-ampm.csv": (b"artist_id,venue_id,date\nx,y,2026-05-01 8:00 PM\n"),
    "date-compact.csv": (b"artist_id,venue_id,date\nx,y,20260501\n"),
    "date-dmy.csv": (b"artist_id,venue_id,date\nx,y,03/04/2026\n"),
    "date-dots.csv": (b"artist_id,venue_id,date\nx,y,3.4.2026\n"),
    "date-epoch.csv": (b"artist_id,venue_id,date\nx,y,1777593600\n"),
    "date-hour.csv": (b"artist_id,venue_id,date\nx,y,2026-05-01 9:30\n"),
    "date-month.csv": (b"artist_id,venue_id,date\nx,y,2026-05\n"),
    "date-range.csv": (b"artist_id,venue_id,date\nx,y,2026-05-01/2026-05-03\n"),
    "date-range2.csv": (b"artist_id,venue_id,date\nx,y,2026-05-01 - 2026-05-03\n"),
    "date-sec.csv": (b"artist_id,venue_id,date\nx,y,2026-05-01T25:99:99\n"),
    "date-short.csv": (b"artist_id,venue_id,date\nx,y,2026-5-1\n"),
    "date-slash.csv": (b"artist_id,venue_id,date\nx,y,2026/05/01\n"),
    "date-t.csv": (b"artist_id,venue_id,date\nx,y,2026-05-01T\n"),
    "date-tba.csv": (b"artist_id,venue_id,date\nx,y,TBA\n"),
    "date-words.csv": (b"artist_id,venue_id,date\nx,y,1 May 2026\n"),
    "date-z.csv": (b"artist_id,venue_id,date\nx,y,2026-05-01T23:30:00-07:00\n"),
    "date-zero.csv": (b"artist_id,venue_id,date\nx,y,0000-00-00\n"),
    "date-zoned.csv": (b"artist_id,venue_id,date\nx,y,2026-05-01T20:00:00[Europe/Berlin]\n"),
    "dates.csv": (b"artist_id,venue_id,date\nx,y,46143\nx,y,2026-05-01\n"),
    "shows.csv": (
        b"artist_id,venue_id,date,artist\n"
        b"1.23457E+11,8.96529E+19,2026-05-01,Alpha\n"
        b"1.23457E+11,8.96529E+19,2026-05-01,Beta\n"
        b"1.23457E+11,8.96529E+19,2026-05-02,Gamma\n"
        b"#REF!,#N/A,2026-05-02,Delta\n"
        b"#####,NaN,2026-05-03,Epsilon\n"
        b"NULL,None,2026-05-04,Zeta\n"
    ),
}

SEASON = {
    "season.csv": (
        b"artist_id,venue_id,date\n"
        b"lina,saal-1,2026-05-01\n"
        b"lina,saal-2,TBA\n"
        b"lina,saal-3,\n"
        b"lina,saal-4,tbc\n"
        b"lina,saal-5,2026-05-05\n"
    ),
}

ONE_NAME = {
    "north/export.csv": (
        b"id,artist_id,venue_id,date\n1,kante,nordhalle,2026-04-01\n2,kante,nordbar,2026-04-02\n"
    ),
    "shows.2025.csv": (b"id,artist_id,venue_id,date\n1,rinne,alte-halle,2025-04-03\n"),
    "shows.2026.csv": (b"id,artist_id,venue_id,date\n1,rinne,neue-halle,2026-04-03\n"),
    "south/export.csv": (
        b"id,artist_id,venue_id,date\n1,kante,suedhalle,2026-04-03\n2,kante,suedbar,2026-04-04\n"
    ),
}
