//! What is wrong is told with its place, and costs nothing else.

use super::*;
use proptest::prelude::*;

fn house(id: &str, content: &str) -> String {
    member(&format!("<b:Building g:id=\"{id}\">\n<b:lod2MultiSurface>{content}</b:lod2MultiSurface></b:Building>"))
}

fn good(id: &str) -> String {
    house(id, &surface(&square(&format!("{id}-p"), 0.0)))
}

fn ids(source: &CitySource) -> Vec<&str> {
    source.objects.iter().map(|o| o.id.as_str()).collect()
}

#[test]
fn broken_rings_are_counted_and_the_rest_goes_on() {
    let ring =
        |list: &str| format!("<g:Polygon><g:exterior><g:LinearRing><g:posList>{list}</g:posList></g:LinearRing></g:exterior></g:Polygon>");
    for (list, reason) in [
        ("0 0 5 1 0 5 1 x 5 0 0 5", "face left out: no list of numbers"),
        ("0 0 5 1 0 5 1 1", "face left out: no list of positions"),
        ("0 0 5 1 0 5 0 0 5", "face left out: ring of fewer than 3 points"),
        ("", "face left out: ring of fewer than 3 points"),
        ("0 0 5 1 0 5 1 1 1e300", "face left out: vertex is no usable coordinate"),
        ("0 0 5 1 0 5 1 1 1e999", "face left out: no list of numbers"),
    ] {
        let both = format!("{}</g:surfaceMember><g:surfaceMember>{}", ring(list), square("ok", 0.0));
        let all = good("first") + &house("half", &surface(&both)) + &house("none", &surface(&ring(list))) + &good("last");
        let (source, report) = read_model(&all);
        assert_eq!(ids(&source), ["first", "half", "last"], "{list}");
        assert_eq!((report.objects_in, report.objects_rejected, warned(&report, reason)), (4, 1, 2), "{list}: {report:?}");
        let told = &report.warnings[reason].examples[0];
        assert!(told.contains("city.gml: line 12: object \"half\""), "{told}");
    }
}

#[test]
fn a_member_that_is_not_well_formed_is_named_and_the_rest_goes_on() {
    let bad = |text: &str| (good("first") + text + &good("last"), text.to_owned());
    for (text, _) in [
        bad(&good("x").replace("</b:Building>", "")),
        bad(&good("x").replace("</g:exterior>", "")),
        bad(&good("x").replace("</cityObjectMember>", "")),
        bad(&good("x").replace("</b:Building>", "</b:Bulding>")),
        bad(&good("x").replace("g:id=\"x\"", "g:id=x")),
        bad(&good("x").replace("g:id=\"x\">", "g:id=\"x>")),
        bad(&good("x").replace("<g:posList>", "<g:posList")),
        bad(&good("x").replace("0 0 5 1", "0 < 5")),
        bad(&good("x").replace("<b:Building", &"<e>".repeat(200))),
    ] {
        let (source, report) = read_model(&text);
        assert_eq!(ids(&source), ["first", "last"], "{text}");
        assert_eq!((report.objects_in, report.objects_rejected), (3, 1), "{text}: {report:?}");
        let told = &report.rejections["member can't be read"].examples[0];
        assert!(told.contains("city.gml: line 1"), "{told}");
    }
}

#[test]
fn a_file_that_breaks_off_keeps_what_comes_before() {
    let text = model(&(good("first") + &good("second") + &good("third")));
    let cut = text.find("third-p-ring").unwrap();
    let (source, report) = read_text(&text[..cut]);
    assert_eq!(ids(&source.unwrap()), ["first", "second"]);
    assert_eq!((report.objects_in, report.objects_rejected, warned(&report, "the file could not be read to its end")), (3, 1, 1));
    assert!(report.warnings["the file could not be read to its end"].examples[0].contains("line 14"), "{report:?}");
    for comment in ["<!-- ", "<![CDATA[", "<?x "] {
        let at = text.find("<cityObjectMember><b:Building g:id=\"second\"").unwrap();
        let (source, report) = read_text(format!("{}{comment}{}", &text[..at], &text[at..].replace("?>", "").replace("-->", "")));
        assert_eq!((ids(&source.unwrap()), report.warnings.len()), (vec!["first"], 1), "{comment}: {report:?}");
    }
}

#[test]
fn files_that_are_no_citygml_say_so() {
    let refused = |text: &str| read_text(text).0.unwrap_err().to_string();
    let three = model("").replace("citygml/2.0", "citygml/3.0");
    assert!(refused(&three).contains("CityGML 3.0") && refused(&three).contains("citygml-tools"), "{}", refused(&three));
    assert!(refused("<kml xmlns=\"http://www.opengis.net/kml/2.2\"/>").contains("XML with the root <kml>"));
    assert!(refused("<?xml version=\"1.0\"?>\n<!-- nothing -->").contains("line 2: there is no element in it"));
    assert!(refused("<a").contains("breaks off within a tag") && refused("<!DOCTYPE a [").contains("document type"));
    assert!(refused("<?xml version=\"1.0\" encoding=\"UTF-16\"?><a/>").contains("iconv"));
}

#[test]
fn entities_are_never_expanded_and_other_encodings_are_read() {
    let bomb = "<!DOCTYPE x [<!ENTITY a \"aaaaaaaaaa\"><!ENTITY b \"&a;&a;&a;&a;\"><!ENTITY c SYSTEM \"file:///etc/hosts\">]>";
    let named = |name: &str| member(&format!("<b:Building g:id=\"a\"><g:name>{name}</g:name></b:Building>"));
    let text = model(&named("&b; &c; &lt;")).replacen("<CityModel", &format!("{bomb}<CityModel"), 1);
    let (source, _) = read_text(text);
    assert_eq!(source.unwrap().objects[0].attributes["name"], "&b; &c; <");
    let latin = model(&named("Stra\u{df}e")).replacen("UTF-8", "ISO-8859-1", 1);
    let bytes: Vec<u8> = latin.chars().map(|c| c as u8).collect();
    let (source, report) = read_text(&bytes);
    assert_eq!((&source.unwrap().objects[0].attributes["name"], report.warnings.len()), (&"Straße".into(), 0));
    let wrong = String::from_utf8_lossy(&bytes).replace("ISO-8859-1", "UTF-8").into_bytes();
    assert_eq!(wrong.len(), bytes.len() - 5 + 2);
    let mut wrong = latin.replace("ISO-8859-1", "UTF-8").chars().map(|c| c as u8).collect::<Vec<_>>();
    wrong.push(b'\n');
    let (source, report) = read_text(wrong);
    assert_eq!((&source.unwrap().objects[0].attributes["name"], warned(&report, "bytes that are no UTF-8")), (&"Stra\u{fffd}e".into(), 1));
}

#[test]
fn geometry_in_another_system_is_left_out() {
    let there = surface(&square("p", 0.0)).replace("<g:MultiSurface>", "<g:MultiSurface srsName=\"EPSG:25832\">");
    let here = surface(&square("q", 0.0)).replace("<g:MultiSurface>", "<g:MultiSurface srsName=\"EPSG:28992\">");
    let (source, report) = read_model(&(house("there", &there) + &house("here", &here)));
    assert_eq!((ids(&source), warned(&report, "geometry in another coordinate system left out")), (vec!["here"], 1));
    let silent = model(&house("here", &here)).replace("srsName=\"urn:ogc:def:crs:EPSG::28992\"", "");
    assert_eq!(read_text(silent).0.unwrap().crs.as_deref(), Some("EPSG:28992"), "the first that is named");
}

/// Changes bytes of a text as a bad disk, a bad editor or a bad exporter would.
fn mutated(text: &str, changes: &[(u8, usize, u8)]) -> Vec<u8> {
    const WORDS: [&str; 12] =
        ["<", ">", "\"", "</", "/>", "&", "<!--", "<![CDATA[", " x:href=\"#p\"", "1e999", "<cityObjectMember>", "\u{0}"];
    let mut bytes = text.as_bytes().to_vec();
    for (kind, at, value) in changes {
        let at = at % bytes.len().max(1);
        match kind % 6 {
            0 => bytes[at] = *value,
            1 => drop(bytes.drain(at..(at + usize::from(*value)).min(bytes.len()))),
            2 => drop(bytes.splice(at..at, WORDS[usize::from(*value) % WORDS.len()].bytes())),
            3 => bytes.truncate(at.max(1)),
            4 => {
                let end = (at + usize::from(*value) * 16).min(bytes.len());
                let piece = bytes[at..end].to_vec();
                let to = (at * 31 + usize::from(*value)) % bytes.len();
                drop(bytes.splice(to..to, piece));
            }
            _ => bytes[at] ^= 1 << (value % 8),
        }
        if bytes.is_empty() {
            bytes.push(b'<');
        }
    }
    bytes
}

/// Everything that is read, in a few kilobytes.
fn everything() -> String {
    let two = format!("{}</g:surfaceMember><g:surfaceMember>{}", square("p", 0.0), square("q", 1.0));
    let solid = "<b:lod2Solid><g:Solid><g:exterior><g:CompositeSurface><g:surfaceMember x:href=\"#p\"/><g:surfaceMember x:href=\"#other-p\"/></g:CompositeSurface></g:exterior></g:Solid></b:lod2Solid>";
    let wall = format!(
        "<b:boundedBy><b:WallSurface g:id=\"w\">{}</b:WallSurface></b:boundedBy>",
        surface(&two).replace("<g:MultiSurface>", "<b:lod2MultiSurface><g:MultiSurface g:id=\"m\">") + "</b:lod2MultiSurface>"
    );
    let tree = "<v:SolitaryVegetationObject><v:lod1ImplicitRepresentation><ImplicitGeometry><transformationMatrix>1 0 0 0 0 1 0 0 0 0 1 0 0 0 0 1</transformationMatrix><relativeGMLGeometry x:href=\"#m\"/><referencePoint><g:Point><g:pos>1 2 3</g:pos></g:Point></referencePoint></ImplicitGeometry></v:lod1ImplicitRepresentation></v:SolitaryVegetationObject>";
    let look = "<appearanceMember><a:Appearance><a:theme>t</a:theme><a:surfaceDataMember><a:ParameterizedTexture><a:imageURI>a.jpg</a:imageURI><a:target uri=\"#p\"><a:TexCoordList><a:textureCoordinates ring=\"#p-ring\">0 0 1 0 1 1 0 1 0 0</a:textureCoordinates></a:TexCoordList></a:target></a:ParameterizedTexture></a:surfaceDataMember><a:surfaceDataMember><a:X3DMaterial><a:diffuseColor>1 0 0</a:diffuseColor><a:target>#m</a:target></a:X3DMaterial></a:surfaceDataMember></a:Appearance></appearanceMember>";
    let known = "<g:name>a &amp; b</g:name><q:intAttribute name=\"n\"><q:value>3</q:value></q:intAttribute><b:function codeSpace=\"c.xml\">1</b:function><uro:x><uro:Y><uro:z>1</uro:z></uro:Y></uro:x><uro:x><uro:Y><uro:w uom=\"cm\">2</uro:w></uro:Y></uro:x>";
    model(
        &[member(&format!("<b:Building g:id=\"house\">{known}{wall}{solid}</b:Building>")), good("other"), member(tree), look.to_owned()]
            .concat(),
    )
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, max_shrink_iters: 256, ..ProptestConfig::default() })]

    #[test]
    fn mutated_files_never_panic(which in 0..3usize, changes in proptest::collection::vec((any::<u8>(), any::<usize>(), any::<u8>()), 1..8)) {
        let text = [HAGUE, YOKOSUKA, &everything()][which].to_owned();
        let _ = read_text(mutated(&text, &changes));
    }
}
