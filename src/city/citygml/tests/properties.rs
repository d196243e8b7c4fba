//! Attributes, parts, appearances: what is known beside the shape.

use super::*;
use crate::city::source::{Paint, TextureImage};
use serde_json::json;

#[test]
fn every_text_of_an_object_is_an_attribute_with_its_type() {
    let object = r##"<b:Building g:id="house">
      <g:description>a &amp; b</g:description><g:name>Town hall</g:name><g:name>Raadhuis</g:name>
      <creationDate>2014-01-20</creationDate>
      <externalReference><informationSystem>http://bag.nl</informationSystem><externalObject><uri>urn:bag:1</uri></externalObject></externalReference>
      <q:stringAttribute name="bag"><q:value>0518</q:value></q:stringAttribute>
      <q:intAttribute name="units"><q:value>12</q:value></q:intAttribute>
      <q:doubleAttribute name="area"><q:value>12.50</q:value></q:doubleAttribute>
      <q:dateAttribute name="seen"><q:value>2020-02-03</q:value></q:dateAttribute>
      <q:uriAttribute name="page"><q:value>http://a/b</q:value></q:uriAttribute>
      <q:measureAttribute name="volume"><q:value uom="m3">7</q:value></q:measureAttribute>
      <q:genericAttributeSet name="energy"><q:stringAttribute name="label"><q:value>A</q:value></q:stringAttribute></q:genericAttributeSet>
      <b:class>1000</b:class><b:function>1010</b:function><b:function>1020</b:function>
      <b:yearOfConstruction>1912</b:yearOfConstruction><b:measuredHeight uom="#m">12.5</b:measuredHeight>
      <b:storeysAboveGround>3</b:storeysAboveGround><b:storeyHeightsAboveGround uom="m">3.0 2.8 2.8</b:storeyHeightsAboveGround>
      <b:roofType></b:roofType>
      <uro:surveyYear>2016</uro:surveyYear><uro:key>007</uro:key><uro:fireproof>true</uro:fireproof>
      <uro:buildingDetailAttribute><uro:BuildingDetailAttribute><uro:depth uom="cm">35</uro:depth></uro:BuildingDetailAttribute></uro:buildingDetailAttribute>
      <uro:unheard><uro:of><uro:before>yes</uro:before></uro:of></uro:unheard>
      <b:address><Address><xalAddress><adr:AddressDetails><adr:Country><adr:CountryName>NL</adr:CountryName><adr:Locality Type="Town">
        <adr:LocalityName>The Hague</adr:LocalityName><adr:Thoroughfare><adr:ThoroughfareNumber>70</adr:ThoroughfareNumber>
        <adr:ThoroughfareName>Spui</adr:ThoroughfareName></adr:Thoroughfare></adr:Locality></adr:Country></adr:AddressDetails></xalAddress></Address></b:address>
      </b:Building>"##;
    let (source, report) = read_model(&member(object));
    let expected = json!({
        "description": "a & b", "name": ["Town hall", "Raadhuis"], "creationDate": "2014-01-20", "bag": "0518", "units": 12, "area": 12.5,
        "seen": "2020-02-03", "page": "http://a/b", "volume_uom": "m3", "volume": 7.0, "energy.label": "A", "class": "1000",
        "function": ["1010", "1020"], "yearOfConstruction": 1912, "measuredHeight": 12.5, "storeysAboveGround": 3,
        "storeyHeightsAboveGround": [3.0, 2.8, 2.8], "surveyYear": 2016, "key": "007", "fireproof": true,
        "externalReference.informationSystem": "http://bag.nl", "externalReference.externalObject.uri": "urn:bag:1",
        "buildingDetailAttribute.depth_uom": "cm", "buildingDetailAttribute.depth": 35, "unheard.of.before": "yes",
        "address.CountryName": "NL", "address.LocalityName": "The Hague", "address.ThoroughfareNumber": "70", "address.ThoroughfareName": "Spui"
    });
    assert_eq!(Value::Object(source.objects[0].attributes.clone()), expected);
    assert_eq!((report.objects_in, report.warnings.len()), (0, 0), "no geometry: an object that only is known");
}

#[test]
fn codes_get_their_meaning_from_the_list_beside_the_file() {
    let list = r#"<?xml version="1.0"?><gml:Dictionary xmlns:gml="http://www.opengis.net/gml" gml:id="d"><gml:name>usage</gml:name>
      <gml:dictionaryEntry><gml:Definition gml:id="i1"><gml:description>官公庁施設</gml:description><gml:name>421</gml:name></gml:Definition></gml:dictionaryEntry>
      <gml:dictionaryEntry><gml:Definition><gml:description>文教厚生施設</gml:description><gml:name>422</gml:name></gml:Definition></gml:dictionaryEntry></gml:Dictionary>"#;
    let dir = TempDir::new().unwrap();
    std::fs::create_dir(dir.path().join("codelists")).unwrap();
    std::fs::write(dir.path().join("codelists/usage.xml"), list).unwrap();
    let building =
        |id: &str, usage: &str| member(&format!("<b:Building g:id=\"{id}\"><b:usage codeSpace=\"{usage}\">422</b:usage></b:Building>"));
    let all = [
        building("a", "codelists/usage.xml"),
        building("b", "codelists/gone.xml"),
        building("c", "codelists/gone.xml"),
        building("d", "http://a/b.xml"),
        building("e", "/etc/hosts.xml"),
    ];
    let (source, report) = read_beside(&dir, model(&all.concat()));
    let source = source.unwrap();
    assert_eq!(Value::Object(source.objects[0].attributes.clone()), json!({"usage_name": "文教厚生施設", "usage": "422"}));
    assert!(source.objects[1..].iter().all(|o| Value::Object(o.attributes.clone()) == json!({"usage": "422"})));
    assert_eq!(warned(&report, "code list missing"), 1);
}

#[test]
fn parts_installations_and_groups_come_and_interiors_are_counted() {
    let shape = |id: &str| format!("<b:lod2MultiSurface>{}</b:lod2MultiSurface>", surface(&square(id, 0.0)));
    let house = format!(
        "<b:Building g:id=\"house\"><b:outerBuildingInstallation><b:BuildingInstallation g:id=\"stairs\"><b:lod2Geometry>{}</b:lod2Geometry></b:BuildingInstallation></b:outerBuildingInstallation>\
         <b:interiorRoom><b:Room g:id=\"room\"/></b:interiorRoom><b:consistsOfBuildingPart><b:BuildingPart g:id=\"part\">{}</b:BuildingPart></b:consistsOfBuildingPart>\
         <b:consistsOfBuildingPart x:href=\"#elsewhere\"/><b:lod2MultiCurve><g:MultiCurve/></b:lod2MultiCurve><b:lod1TerrainIntersection><g:MultiCurve/></b:lod1TerrainIntersection></b:Building>",
        surface(&square("s", 0.0)),
        shape("p")
    );
    let group =
        "<grp:CityObjectGroup g:id=\"group\"><grp:groupMember x:href=\"#house\"/><grp:groupMember x:href=\"#part\"/></grp:CityObjectGroup>";
    let extension = format!("<uro:UndergroundBuilding g:id=\"cellar\">{}</uro:UndergroundBuilding>", shape("c"));
    let unnamed = format!("<b:Building>{}</b:Building>", shape("u"));
    let (source, report) = read_model(&[member(&house), member(group), member(&extension), member(&unnamed)].concat());
    let told: Vec<(&str, &str, Option<&str>, usize)> =
        source.objects.iter().map(|o| (o.id.as_str(), o.class.as_str(), o.parent.as_deref(), o.faces.len())).collect();
    let expected = [
        ("house", "Building", None, 0),
        ("stairs", "BuildingInstallation", Some("house"), 1),
        ("part", "BuildingPart", Some("house"), 1),
        ("group", "CityObjectGroup", None, 0),
        ("cellar", "UndergroundBuilding", None, 1),
        ("Building-line-12", "Building", None, 1),
    ];
    assert_eq!(told, expected);
    assert_eq!(source.objects[3].attributes["groupMember"], json!(["#house", "#part"]));
    assert_eq!((warned(&report, "interior left out: Room"), warned(&report, "geometry of type MultiCurve left out")), (1, 1));
}

#[test]
fn features_in_one_heap_are_read_like_members() {
    let heap = format!(
        "<g:featureMembers><b:Building g:id=\"a\"/>\n<t:Road g:id=\"b\"><t:lod1MultiSurface>{}</t:lod1MultiSurface></t:Road></g:featureMembers>",
        surface(&square("s", 0.0))
    );
    let (source, report) = read_model(&(heap + &member("<b:Building g:id=\"c\"/>")));
    assert_eq!(source.objects.iter().map(|o| o.id.as_str()).collect::<Vec<_>>(), ["a", "b", "c"]);
    assert_eq!((report.objects_in, report.warnings.len()), (1, 0));
}

/// One theme of colours and one picture.
fn look(theme: &str, colour: &str, target: &str, picture: &str) -> String {
    format!(
        "<a:Appearance><a:theme>{theme}</a:theme><a:surfaceDataMember><a:X3DMaterial><a:diffuseColor>{colour}</a:diffuseColor><a:transparency>0.5</a:transparency>\
         <a:target>#{target}</a:target></a:X3DMaterial></a:surfaceDataMember>{picture}</a:Appearance>"
    )
}

#[test]
fn colours_and_pictures_of_the_model_are_worn_wherever_they_stand() {
    let picture = "<a:surfaceDataMember><a:ParameterizedTexture><a:imageURI>walls\\one.jpg</a:imageURI><a:wrapMode>wrap</a:wrapMode>\
        <a:target uri=\"#p\"><a:TexCoordList><a:textureCoordinates ring=\"#p-ring\">0 0 1 0 1 1 0 1 0 0</a:textureCoordinates></a:TexCoordList></a:target>\
        <a:target uri=\"#q\"><a:TexCoordList><a:textureCoordinates ring=\"#q-ring\">0 0 1 0 0 0</a:textureCoordinates></a:TexCoordList></a:target>\
        <a:target uri=\"#q\"><a:TexCoordGen/></a:target></a:ParameterizedTexture></a:surfaceDataMember><a:surfaceDataMember><a:GeoreferencedTexture/></a:surfaceDataMember>";
    let polygons = format!("{}</g:surfaceMember><g:surfaceMember>{}", square("p", 0.0), square("q", 1.0));
    let house = member(&format!(
        "<b:Building g:id=\"house\"><b:lod2MultiSurface><g:MultiSurface g:id=\"all\"><g:surfaceMember>{polygons}</g:surfaceMember></g:MultiSurface></b:lod2MultiSurface></b:Building>"
    ));
    let appearance = |look: String| format!("<appearanceMember xmlns=\"http://www.opengis.net/citygml/2.0\">{look}</appearanceMember>");
    let day = appearance(look("day", "1 0 0", "all", picture));
    let night = appearance(look("night", "0 0 1", "all", ""));
    for order in [[&day, &house, &night], [&house, &day, &night]] {
        let (source, report) = read_model(&order.map(String::as_str).concat());
        let paints: Vec<&Paint> = source.objects[0].faces.iter().map(|f| &source.paints[f.paint.unwrap() as usize]).collect();
        let texture = paints[0].texture.as_ref().unwrap();
        assert!(
            matches!(&texture.image, TextureImage::File(f) if f.ends_with("walls/one.jpg"))
                && texture.repeats
                && paints[0].colour.is_none()
        );
        assert_eq!(source.objects[0].faces.get(0).unwrap().uvs().unwrap(), [[0.0, 1.0], [1.0, 1.0], [1.0, 0.0], [0.0, 0.0]]);
        assert_eq!(paints[1].colour, Some([255, 0, 0, 128]), "the picture does not fit, the colour does");
        for reason in
            ["texture left out of a face", "TexCoordGen left out", "GeoreferencedTexture left out", "appearance of another theme left out"]
        {
            assert_eq!(warned(&report, reason), 1, "{reason}: {report:?}");
        }
    }
}
